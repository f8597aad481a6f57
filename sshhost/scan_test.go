package sshhost_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/sshhost/sshtest"
)

func TestScan(t *testing.T) {
	s := start(t, sshtest.Config{})
	keys, err := sshhost.Scan(t.Context(), s.Target(), s.Options())
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 1 || keys[0].Type() != ssh.KeyAlgoED25519 {
		t.Fatalf("got %v", keys)
	}
	nothingSent(t, s)

	s.SetFault(sshtest.Fault{Mute: true})
	o := s.Options()
	o.Handshake = 100 * time.Millisecond
	if _, err := sshhost.Scan(t.Context(), s.Target(), o); !errors.Is(err, sshhost.ErrUnreachable) {
		t.Errorf("got %v, want ErrUnreachable", err)
	}
}

func TestAddKnownHosts(t *testing.T) {
	k, other := newKey(t), newKey(t)
	const name = "[192.0.2.1]:2222 "
	target := sshhost.Target{Address: "192.0.2.1", Port: 2222, User: "root"}
	tests := []struct {
		name  string
		have  string // "-" means no file
		added int
		want  string // content afterwards
		err   string
	}{
		{"no file", "-", 1, name + line(k) + "\n", ""},
		{"others", "# mine\nnonsense\nx " + line(other), 1, "# mine\nnonsense\nx " + line(other) + "\n" + name + line(k) + "\n", ""},
		{"known", name + line(k) + " comment\n", 0, name + line(k) + " comment\n", ""},
		{"known, hashed", hashed("[192.0.2.1]:2222") + " " + line(k) + "\n", 0, "", ""},
		{"changed", "\n" + name + line(other) + "\n", 0, "", ":2 holds"},
		{"revoked", "@revoked * " + line(k) + "\n", 0, "", ":1 revokes"},
		{"an authority is not the host's key", "@cert-authority * " + line(other) + "\n", 1, "@cert-authority * " + line(other) + "\n" + name + line(k) + "\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			real := filepath.Join(t.TempDir(), "new", "known_hosts")
			if tt.have != "-" {
				real = write(t, tt.have)
			}
			file := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(real, file); err != nil {
				t.Fatal(err)
			}
			if tt.have == "-" {
				file = real
			}
			n, err := sshhost.AddKnownHosts(file, target, []ssh.PublicKey{k.PublicKey()}, sshhost.Options{ConfigFile: "/dev/null"})
			if n != tt.added || (err == nil) != (tt.err == "") {
				t.Fatalf("got %d, %v, want %d, %q", n, err, tt.added, tt.err)
			}
			if err != nil && (!errors.Is(err, sshhost.ErrHostKey) || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if tt.want == "" {
				tt.want = tt.have
			}
			got, err := os.ReadFile(real)
			if err != nil || string(got) != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
