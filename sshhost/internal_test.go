package sshhost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	identity := filepath.Join(dir, "key")
	if err := os.WriteFile(identity, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "config")
	config := `
Match exec "true"
  User wrong
Host cp-*
  HostName 192.0.2.7
  Port 2222
  User deploy
  IdentityFile ~/missing
  IdentityFile ~/key
Host far
  ProxyJump jump@b1:2201,cp-9,ssh://[2001:db8::1]:22
match host x
  Port 9
Host loop
  ProxyJump loop
`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	known := []string{filepath.Join(dir, ".ssh/known_hosts"), "/etc/ssh/ssh_known_hosts"}
	tests := []struct {
		name string
		in   Target
		want Target
		err  string
	}{
		{"nothing known", Target{Address: "192.0.2.1"}, Target{Address: "192.0.2.1", Port: 22, User: "root"}, ""},
		{"all from the file", Target{Address: "cp-1"}, Target{Address: "192.0.2.7", Port: 2222, User: "deploy", IdentityFile: identity}, ""},
		{"the target knows better", Target{Address: "cp-1", Port: 1, User: "me", IdentityFile: "/x"}, Target{Address: "192.0.2.7", Port: 1, User: "me", IdentityFile: "/x"}, ""},
		{"jumps", Target{Address: "far"}, Target{Address: "far", Port: 22, User: "root",
			Bastion: &Target{Address: "2001:db8::1", Port: 22, User: "root", KnownHosts: known,
				Bastion: &Target{Address: "192.0.2.7", Port: 2222, User: "deploy", IdentityFile: identity, KnownHosts: known,
					Bastion: &Target{Address: "b1", Port: 2201, User: "jump", KnownHosts: known}}}}, ""},
		{"endless jumps", Target{Address: "loop"}, Target{}, "more than 8 bastions"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := resolve(tt.in, file)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tt.want.KnownHosts = known
			if d := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(Target{})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestBrokenConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("Host a\n\x00\"\n  Include [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := resolve(Target{Address: "192.0.2.1"}, file)
	if err != nil || got.Port != 22 {
		t.Errorf("got %+v, %v", got, err)
	}
}

type secret string

func (s secret) Reveal() string { return string(s) }

// The library can read all that the filter keeps, so no line makes it refuse
// the file.
func FuzzKnownHosts(f *testing.F) {
	for _, s := range []string{
		"a ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEu5AHzLQXoAx4hNOq0OFDcvNXBrGSzYDabT92dLokPj\n",
		"@cert-authority *.x,!y ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEu5AHzLQXoAx4hNOq0OFDcvNXBrGSzYDabT92dLokPj c\n",
		"|1|AAAA|AAAA ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEu5AHzLQXoAx4hNOq0OFDcvNXBrGSzYDabT92dLokPj",
		"[a]:22,[b ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEu5AHzLQXoAx4hNOq0OFDcvNXBrGSzYDabT92dLokPj\r\n\v\f @x\n",
		"@cert-authority\t@revoked a b c", "\x00", "!",
		", ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEu5AHzLQXoAx4hNOq0OFDcvNXBrGSzYDabT92dLokPj",
	} {
		f.Add([]byte(s))
	}
	file := filepath.Join(f.TempDir(), "known_hosts")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readKnownHosts([]string{file}); err != nil && !strings.Contains(err.Error(), "@revoked") {
			t.Error(err)
		}
	})
}
