package sshhost_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/sshhost/sshtest"
)

func start(t *testing.T, c sshtest.Config) *sshtest.Server {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	s, err := sshtest.Start(hosttest.New("cp-1"), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	k, err := sshtest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func line(k ssh.Signer) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.PublicKey())))
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// dial connects within a time limit and makes one call.
func dial(t *testing.T, target sshhost.Target, o sshhost.Options) (host.Session, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := sshhost.Dial(ctx, target, o)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { s.Close() })
	f, err := s.Facts(ctx)
	if err != nil {
		t.Fatalf("facts: %v", err)
	}
	if f.Hostname != "cp-1" {
		t.Fatalf("host is %q", f.Hostname)
	}
	return s, nil
}

func TestDial(t *testing.T) {
	tests := []struct {
		name     string
		config   sshtest.Config
		sessions int
		uploads  int
	}{
		{"root", sshtest.Config{}, 1, 0},
		{"sudo without a password", sshtest.Config{User: "admin", Sudo: sshtest.NoPassword}, 1, 0},
		{"sudo with a password", sshtest.Config{User: "ops", Sudo: sshtest.WithPassword, Password: "s3cret"}, 1, 0},
		{"sudo-rs without a password, no agent yet", sshtest.Config{User: "admin", Sudo: sshtest.NoPassword, SudoRS: true, Missing: true}, 3, 1},
		{"sudo-rs with a password", sshtest.Config{User: "ops", Sudo: sshtest.WithPassword, SudoRS: true, Password: "s3cret"}, 1, 0},
		{"sudo-rs with a password, no agent yet", sshtest.Config{User: "ops", Sudo: sshtest.WithPassword, SudoRS: true, Password: "s3cret", Missing: true}, 3, 1},
		{"noise before the agent", sshtest.Config{Motd: "Welcome!\nlast login: \x1epmkctl never\n\x1epmkctl-agent 1 is near\n"}, 1, 0},
		{"some handshakes are dropped", sshtest.Config{Fault: sshtest.Fault{Drop: 3}}, 1, 0},
		{"root, no agent yet", sshtest.Config{Missing: true}, 3, 1},
		{"sudo, no agent yet", sshtest.Config{User: "admin", Sudo: sshtest.NoPassword, Missing: true, Motd: "hello\n"}, 3, 1},
		{"sudo with a password, no agent yet", sshtest.Config{User: "ops", Sudo: sshtest.WithPassword, Password: "s3cret", Missing: true}, 3, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, tt.config)
			session, err := dial(t, s.Target(), s.Options())
			if err != nil {
				t.Fatal(err)
			}
			r := s.Record()
			if r.Sessions != tt.sessions || r.Uploads != tt.uploads || r.LoggedIn != 1 {
				t.Errorf("got %d sessions, %d uploads on %d connections, want %d, %d on 1: %q", r.Sessions, r.Uploads, r.LoggedIn, tt.sessions, tt.uploads, r.Commands)
			}
			if !strings.HasPrefix(session.Identity().HostKey, "SHA256:") {
				t.Errorf("identity %+v", session.Identity())
			}
			if err := session.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// The password goes to sudo's prompt and nowhere else.
func TestPasswordStaysAway(t *testing.T) {
	s := start(t, sshtest.Config{User: "admin", Sudo: sshtest.NoPassword})
	target := s.Target()
	target.BecomePassword = sshtest.Password("s3cret")
	session, err := dial(t, target, s.Options())
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	if r := s.Record(); len(r.Passwords) > 0 || r.Calls != 0 && r.Calls != 1 {
		t.Errorf("got passwords %q and %d calls; sudo asked for none", r.Passwords, r.Calls)
	}
	for _, c := range s.Record().Commands {
		if strings.Contains(c, "s3cret") {
			t.Errorf("the password is in a command line: %q", c)
		}
	}
}

func TestHostKeyRefused(t *testing.T) {
	other := newKey(t)
	tests := []struct {
		name  string
		known func(s *sshtest.Server, now ssh.Signer) string // content of known_hosts; "" keeps it
		pin   func(now ssh.Signer) string
		want  []string
	}{
		{"unknown", func(*sshtest.Server, ssh.Signer) string { return "# nothing\n" }, nil,
			[]string{"no line of", "pmkctl ssh scan", "SHA256:"}},
		{"changed", func(s *sshtest.Server, _ ssh.Signer) string { return "# one\n[" + host4(s) + " " + line(other) + "\n" }, nil,
			[]string{":2 holds", ssh.FingerprintSHA256(other.PublicKey()), "the key changed"}},
		{"revoked", func(s *sshtest.Server, now ssh.Signer) string {
			return "[" + host4(s) + " " + line(now) + "\n@revoked * " + line(now) + "\n"
		}, nil, []string{":2 revokes"}},
		{"a revoked line that cannot be read", func(s *sshtest.Server, now ssh.Signer) string {
			return "[" + host4(s) + " " + line(now) + "\n@revoked * ssh-ed25519 AAAA\n"
		}, nil, []string{":2: this @revoked line cannot be read"}},
		{"only for port 22", func(s *sshtest.Server, now ssh.Signer) string { return "127.0.0.1 " + line(now) + "\n" }, nil,
			[]string{"no line of"}},
		{"an authority is known, and there is no certificate", func(s *sshtest.Server, _ ssh.Signer) string {
			return "@cert-authority * " + line(other) + "\n"
		}, nil, []string{":1 holds the authority"}},
		{"an authority's key as the host's own", func(s *sshtest.Server, now ssh.Signer) string {
			return "@cert-authority [" + host4(s) + " " + line(now) + "\n"
		}, nil, []string{"authority"}},
		{"another key is pinned", nil, func(ssh.Signer) string { return line(other) }, []string{"the spec pins", "the host offers"}},
		{"another fingerprint is pinned", nil, func(ssh.Signer) string { return ssh.FingerprintSHA256(other.PublicKey()) }, []string{"the spec pins SHA256:"}},
		{"an authority is pinned, and there is no certificate", nil, func(ssh.Signer) string { return "@cert-authority " + line(other) }, []string{"signed by"}},
		{"the pin cannot be read", nil, func(ssh.Signer) string { return "ssh-ed25519 nonsense" }, []string{"cannot be read"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := newKey(t)
			s := start(t, sshtest.Config{User: "ops", Sudo: sshtest.WithPassword, Password: "s3cret", Keys: []ssh.Signer{now}})
			sock := startAgent(t)
			target := s.Target()
			target.Agent = true
			if tt.known != nil {
				target.KnownHosts = []string{write(t, tt.known(s, now))}
			}
			if tt.pin != nil {
				target.HostKey = tt.pin(now)
			}
			_, err := dial(t, target, s.Options())
			if !errors.Is(err, sshhost.ErrHostKey) {
				t.Fatalf("got %v, want ErrHostKey", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v\nlacks %q", err, w)
				}
			}
			nothingSent(t, s)
			if n := sock.used(); n > 0 {
				t.Errorf("ssh-agent was asked %d times", n)
			}
		})
	}
}

// host4 is the address as in known_hosts, without the opening bracket.
func host4(s *sshtest.Server) string {
	h, p, _ := net.SplitHostPort(s.Addr)
	return h + "]:" + p
}

func nothingSent(t *testing.T, s *sshtest.Server) {
	t.Helper()
	if r := s.Record(); len(r.Offered)+r.LoggedIn+r.Sessions+len(r.Passwords) > 0 {
		t.Errorf("something was sent: %+v", r)
	}
}

func TestHostKeyAccepted(t *testing.T) {
	ca := newKey(t)
	tests := []struct {
		name  string
		known func(s *sshtest.Server, now ssh.Signer) string
		pin   func(now ssh.Signer) string
		cert  bool
	}{
		{"with lines that cannot be read", func(s *sshtest.Server, now ssh.Signer) string {
			return "nonsense\n[" + host4(s) + " ssh-ed25519 AAAA\n@unknown a b c\n" + strings.Repeat("x", 100<<10) + "\n[" + host4(s) + " " + line(now) + "\n"
		}, nil, false},
		{"hashed", func(s *sshtest.Server, now ssh.Signer) string {
			return hashed("["+host4(s)) + " " + line(now) + "\n"
		}, nil, false},
		{"wildcard", func(s *sshtest.Server, now ssh.Signer) string { return "127.0.0.* " + line(now) + "\r\n" }, nil, false},
		{"authority", func(s *sshtest.Server, _ ssh.Signer) string {
			return "@cert-authority [" + host4(s) + " " + line(ca) + "\n"
		}, nil, true},
		{"authority of all hosts", func(*sshtest.Server, ssh.Signer) string { return "@cert-authority * " + line(ca) + "\n" }, nil, true},
		{"a plain key of a host that has a certificate", func(s *sshtest.Server, now ssh.Signer) string { return "[" + host4(s) + " " + line(now) + "\n" }, nil, true},
		{"pinned key", nil, line, false},
		{"pinned fingerprint", nil, func(k ssh.Signer) string { return ssh.FingerprintSHA256(k.PublicKey()) }, false},
		{"one of two pins", nil, func(k ssh.Signer) string { return line(ca) + "\n" + line(k) + " cp-1\n" }, false},
		{"pinned authority", nil, func(ssh.Signer) string { return "@cert-authority " + line(ca) }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := newKey(t)
			keys := []ssh.Signer{now}
			if tt.cert {
				keys = append(keys, certified(t, now, ca, "127.0.0.1", time.Hour))
			}
			s := start(t, sshtest.Config{Keys: keys})
			target := s.Target()
			if tt.known != nil {
				target.KnownHosts = []string{filepath.Join(t.TempDir(), "missing"), write(t, tt.known(s, now))}
			}
			if tt.pin != nil {
				target.HostKey = tt.pin(now)
			}
			if _, err := dial(t, target, s.Options()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestCertificateRefused(t *testing.T) {
	ca := newKey(t)
	tests := []struct {
		name      string
		principal string
		valid     time.Duration
		revoke    bool
	}{
		{"for another host", "192.0.2.1", time.Hour, false},
		{"expired", "127.0.0.1", -time.Hour, false},
		{"of a revoked authority", "127.0.0.1", time.Hour, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := newKey(t)
			s := start(t, sshtest.Config{Keys: []ssh.Signer{certified(t, now, ca, tt.principal, tt.valid)}})
			known := "@cert-authority * " + line(ca) + "\n"
			if tt.revoke {
				known += "@revoked * " + line(ca) + "\n"
			}
			target := s.Target()
			target.KnownHosts = []string{write(t, known)}
			if _, err := dial(t, target, s.Options()); !errors.Is(err, sshhost.ErrHostKey) {
				t.Fatalf("got %v, want ErrHostKey", err)
			}
			nothingSent(t, s)
		})
	}
}

func certified(t *testing.T, key, ca ssh.Signer, principal string, valid time.Duration) ssh.Signer {
	t.Helper()
	c := &ssh.Certificate{
		Key: key.PublicKey(), CertType: ssh.HostCert, KeyId: "cp-1", ValidPrincipals: []string{principal},
		ValidAfter:  uint64(time.Now().Add(-2 * time.Hour).Unix()),
		ValidBefore: uint64(time.Now().Add(valid).Unix()),
	}
	if err := c.SignCert(rng{}, ca); err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewCertSigner(c, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFails(t *testing.T) {
	tests := []struct {
		name   string
		config sshtest.Config
		change func(*sshhost.Target, *sshhost.Options)
		kind   error
		want   string
	}{
		{"never speaks", sshtest.Config{Fault: sshtest.Fault{Mute: true}}, func(_ *sshhost.Target, o *sshhost.Options) { o.Handshake = 150 * time.Millisecond },
			sshhost.ErrUnreachable, "no answer in time"},
		{"drops everybody", sshtest.Config{Fault: sshtest.Fault{Drop: 1000}}, func(_ *sshhost.Target, o *sshhost.Options) { o.Handshake = 300 * time.Millisecond },
			sshhost.ErrUnreachable, "MaxStartups"},
		{"nobody listens", sshtest.Config{}, func(t *sshhost.Target, _ *sshhost.Options) { t.Port = 1; t.HostKey = "SHA256:x" },
			sshhost.ErrUnreachable, "refused"},
		{"login refused", sshtest.Config{Fault: sshtest.Fault{RefuseAuth: true}}, nil, sshhost.ErrAuth, "offered SHA256:"},
		{"wrong user", sshtest.Config{}, func(t *sshhost.Target, _ *sshhost.Options) { t.User = "other" }, sshhost.ErrAuth, "other"},
		{"no key", sshtest.Config{}, func(t *sshhost.Target, _ *sshhost.Options) { t.IdentityFile = "" }, sshhost.ErrAuth, "no key was offered"},
		{"missing identity", sshtest.Config{}, func(t *sshhost.Target, _ *sshhost.Options) { t.IdentityFile += "-none" }, sshhost.ErrAuth, "no such file"},
		{"black hole", sshtest.Config{Fault: sshtest.Fault{BlackHole: true}}, func(_ *sshhost.Target, o *sshhost.Options) { o.Start = 150 * time.Millisecond },
			sshhost.ErrStart, "no answer in time"},
		{"sudo needs a password", sshtest.Config{User: "ops", Sudo: sshtest.WithPassword, Password: "x"}, func(t *sshhost.Target, _ *sshhost.Options) { t.BecomePassword = nil },
			sshhost.ErrSudo, "become_password"},
		{"wrong password", sshtest.Config{User: "ops", Sudo: sshtest.WithPassword, Password: "x"}, func(t *sshhost.Target, _ *sshhost.Options) { t.BecomePassword = sshtest.Password("y") },
			sshhost.ErrSudo, "the password was not accepted"},
		{"not in sudoers", sshtest.Config{User: "ops", Sudo: sshtest.NotAllowed}, nil, sshhost.ErrSudo, "sudoers"},
		{"sudo-rs needs a password", sshtest.Config{User: "ops", Sudo: sshtest.WithPassword, SudoRS: true, Password: "x"}, func(t *sshhost.Target, _ *sshhost.Options) { t.BecomePassword = nil },
			sshhost.ErrSudo, "interactive authentication is required; set become_password"},
		{"wrong password of sudo-rs", sshtest.Config{User: "ops", Sudo: sshtest.WithPassword, SudoRS: true, Password: "x"}, func(t *sshhost.Target, _ *sshhost.Options) { t.BecomePassword = sshtest.Password("y") },
			sshhost.ErrSudo, "the password was not accepted: sudo: Authentication failed, try again"},
		{"not in sudoers of sudo-rs", sshtest.Config{User: "ops", Sudo: sshtest.NotAllowed, SudoRS: true}, nil, sshhost.ErrSudo, "`sudo -l`"},
		{"no sudo", sshtest.Config{User: "ops", Sudo: sshtest.NoSudo}, nil, sshhost.ErrSudo, "install sudo"},
		{"sudo asks in its own words", sshtest.Config{User: "ops", Sudo: sshtest.WithPassword, Password: "x", Fault: sshtest.Fault{Silent: true}},
			func(_ *sshhost.Target, o *sshhost.Options) { o.Start = 150 * time.Millisecond }, sshhost.ErrStart, "password for ops"},
		{"not root and no sudo wanted", sshtest.Config{User: "ops", Missing: true}, func(t *sshhost.Target, _ *sshhost.Options) { t.Become = false },
			sshhost.ErrSudo, "become = true"},
		{"another platform", sshtest.Config{Missing: true, Machine: "Linux aarch64"}, nil, sshhost.ErrStart, "pmkctl-linux-arm64"},
		{"no Linux", sshtest.Config{Missing: true, Machine: "FreeBSD amd64"}, nil, sshhost.ErrStart, "FreeBSD"},
		{"the copy is damaged", sshtest.Config{Missing: true, Fault: sshtest.Fault{UploadBroken: true}}, nil, sshhost.ErrStart, "checksum"},
		{"only noise", sshtest.Config{Motd: strings.Repeat("noise\n", 20<<10)}, nil, sshhost.ErrStart, "bytes came before"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, tt.config)
			target, o := s.Target(), s.Options()
			if tt.change != nil {
				tt.change(&target, &o)
			}
			begin := time.Now()
			_, err := dial(t, target, o)
			if !errors.Is(err, tt.kind) {
				t.Fatalf("got %v, want %v", err, tt.kind)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v\nlacks %q", err, tt.want)
			}
			if took := time.Since(begin); took > 4*time.Second {
				t.Errorf("it took %s", took)
			}
			r := s.Record()
			if len(r.Passwords) > 1 || tt.config.Fault.Silent && len(r.Passwords) > 0 {
				t.Errorf("passwords sent: %d", len(r.Passwords))
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestLockedIdentity(t *testing.T) {
	s := start(t, sshtest.Config{})
	raw, err := os.ReadFile(s.IdentityFile())
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	target := s.Target()
	target.IdentityFile = write(t, encrypted(t, key))
	_, err = dial(t, target, s.Options())
	if !errors.Is(err, sshhost.ErrAuth) || !strings.Contains(err.Error(), "ssh-add") {
		t.Fatalf("got %v", err)
	}
	nothingSent(t, s)

	sock := startAgent(t)
	target.Agent = true
	if _, err = dial(t, target, s.Options()); !errors.Is(err, sshhost.ErrAuth) || !strings.Contains(err.Error(), "ssh-add") {
		t.Fatalf("got %v", err)
	}
	sock.add(t, key)
	if _, err = dial(t, target, s.Options()); err != nil {
		t.Fatal(err)
	}
}

func TestAgentKey(t *testing.T) {
	s := start(t, sshtest.Config{})
	raw, err := os.ReadFile(s.IdentityFile())
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	startAgent(t).add(t, key)
	target := s.Target()
	target.IdentityFile, target.Agent = "", true
	if _, err := dial(t, target, s.Options()); err != nil {
		t.Fatal(err)
	}
	target.Agent = false
	if _, err := dial(t, target, s.Options()); !errors.Is(err, sshhost.ErrAuth) {
		t.Fatalf("got %v, want ErrAuth", err)
	}
}

func TestBastion(t *testing.T) {
	far := start(t, sshtest.Config{})
	near := start(t, sshtest.Config{User: "jump"})
	target, b := far.Target(), near.Target()
	target.Bastion = &b
	session, err := dial(t, target, far.Options())
	if err != nil {
		t.Fatal(err)
	}
	if r := near.Record(); r.Forwarded != 1 || r.Sessions != 0 {
		t.Errorf("the bastion saw %+v", r)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}

	t.Run("its key changed", func(t *testing.T) {
		near.SetKeys(newKey(t))
		_, err := dial(t, target, far.Options())
		if !errors.Is(err, sshhost.ErrHostKey) || !strings.Contains(err.Error(), "bastion") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the far key changed", func(t *testing.T) {
		near.SetKeys(newKey(t))
		b.HostKey = "" // known_hosts has the bastion's new key
		keys, err := sshhost.Scan(t.Context(), b, near.Options())
		if err != nil {
			t.Fatal(err)
		}
		b.HostKey = sshhost.Pin(keys[0])
		far.SetKeys(newKey(t))
		before := far.Record()
		if _, err := dial(t, target, far.Options()); !errors.Is(err, sshhost.ErrHostKey) {
			t.Errorf("got %v", err)
		}
		if after := far.Record(); len(after.Offered) != len(before.Offered) {
			t.Error("a key was offered to the wrong host")
		}
	})
	t.Run("it cannot reach the host", func(t *testing.T) {
		target := target
		target.Port = 1
		if _, err := dial(t, target, far.Options()); !errors.Is(err, sshhost.ErrUnreachable) || !strings.Contains(err.Error(), "bastion") {
			t.Errorf("got %v", err)
		}
	})
}

// If a host stops answering, calls fail after a time limit.
func TestLost(t *testing.T) {
	tests := []struct {
		name   string
		strike func(*sshtest.Server)
	}{
		{"cut", func(s *sshtest.Server) { s.Cut() }},
		{"cut by the next call", func(s *sshtest.Server) { s.SetFault(sshtest.Fault{CutCalls: 1}) }},
		{"cut in the answer", func(s *sshtest.Server) { s.SetFault(sshtest.Fault{CutBytes: 1}) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, sshtest.Config{})
			session, err := dial(t, s.Target(), s.Options())
			if err != nil {
				t.Fatal(err)
			}
			tt.strike(s)
			if _, err := session.Users(t.Context(), []string{"root"}); !errors.Is(err, host.ErrLost) {
				t.Errorf("got %v, want ErrLost", err)
			}
		})
	}
	t.Run("no answer to keepalives", func(t *testing.T) {
		s := start(t, sshtest.Config{Fault: sshtest.Fault{NoKeepalive: true, FreezeCalls: 1}})
		o := s.Options()
		o.Keepalive, o.Lost = 20*time.Millisecond, 100*time.Millisecond
		session, err := sshhost.Dial(t.Context(), s.Target(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		begin := time.Now()
		if _, err := session.Users(t.Context(), []string{"root"}); !errors.Is(err, host.ErrLost) || time.Since(begin) > 3*time.Second {
			t.Errorf("got %v after %s, want ErrLost", err, time.Since(begin))
		}
	})
}

// Installed files come over a second connection.
func TestInstall(t *testing.T) {
	s := start(t, sshtest.Config{User: "ops", Sudo: sshtest.WithPassword, Password: "s3cret"})
	session, err := dial(t, s.Target(), s.Options())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := session.Lock(ctx, host.LockRequest{Run: "r", Who: "test", For: "apply"}); err != nil {
		t.Fatal(err)
	}
	if err := session.Arm(ctx, "plan"); err != nil {
		t.Fatal(err)
	}
	content := strings.Repeat("0123456789abcdef", 64<<10)
	spec := host.InstallSpec{Path: "/usr/local/bin/tool", Mode: 0o755, Size: int64(len(content)), SHA256: sum(content)}
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }
	if err := session.Install(ctx, spec, open); err != nil {
		t.Fatal(err)
	}
	files, err := session.Files(ctx, []host.FileQuery{{Path: spec.Path, Digest: true}})
	if err != nil || files[0].SHA256 != spec.SHA256 {
		t.Errorf("got %+v, %v", files, err)
	}
	if r := s.Record(); r.LoggedIn != 2 || r.Sessions != 2 {
		t.Errorf("got %d connections and %d sessions, want 2 and 2", r.LoggedIn, r.Sessions)
	}
}

func TestManyHosts(t *testing.T) {
	const n = 100
	errs := make(chan error, n)
	for range n {
		s := start(t, sshtest.Config{})
		go func() {
			session, err := sshhost.Dial(t.Context(), s.Target(), s.Options())
			if err == nil {
				err = session.Close()
			}
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// A server that sends garbage, or whose bytes are damaged on the way, causes
// an error and nothing else.
func TestHostile(t *testing.T) {
	s := start(t, sshtest.Config{})
	for seed := range 60 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			addr := garbler(t, s.Addr, seed)
			target, o := s.Target(), s.Options()
			target.Port = addr.Port
			target.HostKey, o.Handshake, o.Start = "SHA256:none", 300*time.Millisecond, 300*time.Millisecond
			session, err := sshhost.Dial(t.Context(), target, o)
			if err == nil {
				session.Close()
				t.Error("that worked")
			}
		})
	}
}

// Nothing keeps running after a session is closed or a dial has failed.
func TestNothingRemains(t *testing.T) {
	good := start(t, sshtest.Config{})
	bad := start(t, sshtest.Config{User: "ops", Sudo: sshtest.WithPassword, Password: "x"})
	wrong := bad.Target()
	wrong.BecomePassword = sshtest.Password("y")
	round := func() {
		session, err := sshhost.Dial(t.Context(), good.Target(), good.Options())
		if err != nil {
			t.Fatal(err)
		}
		session.Close()
		if _, err := sshhost.Dial(t.Context(), wrong, bad.Options()); !errors.Is(err, sshhost.ErrSudo) {
			t.Fatalf("got %v", err)
		}
	}
	round()
	before := runtime.NumGoroutine()
	for range 5 {
		round()
	}
	end := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before+2 {
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, before %d:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A session to a host that does not answer can be closed in a short time.
func TestCloseFrozen(t *testing.T) {
	s := start(t, sshtest.Config{Fault: sshtest.Fault{FreezeCalls: 1}})
	session, err := sshhost.Dial(t.Context(), s.Target(), s.Options())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := session.Users(ctx, []string{"root"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	begin := time.Now()
	if err := session.Close(); err != nil || time.Since(begin) > 5*time.Second {
		t.Errorf("close: %v after %s", err, time.Since(begin))
	}
}
