package sshhost_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/pmkctl/pmkctl/agent"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/sshhost"
)

// TestMain makes this program also the agent that sshd starts. It serves a
// host in memory.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		err := agent.Serve(context.Background(), hosttest.New("cp-1"), stdio{}, agent.ServeOptions{RunDir: os.TempDir(), StateDir: os.TempDir()})
		if err != nil {
			fmt.Fprintln(os.Stderr, "pmkctl agent:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type stdio struct{}

func (stdio) Read(b []byte) (int, error)  { return os.Stdin.Read(b) }
func (stdio) Write(b []byte) (int, error) { return os.Stdout.Write(b) }
func (stdio) Close() error                { return errors.Join(os.Stdin.Close(), os.Stdout.Close()) }

// An openSSH is the sshd of this machine.
type openSSH struct {
	target sshhost.Target
	dir    string
	ca     ssh.Signer
}

// startOpenSSH starts an sshd on a loopback port. Its ForceCommand runs the
// requested command in a shell as usual, but with another directory instead
// of /var/lib/pmkctl.
func startOpenSSH(t *testing.T, settings ...string) *openSSH {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		if sshd = "/usr/sbin/sshd"; !executable(sshd) {
			t.Fatal("this test needs sshd: apt-get install openssh-server")
		}
	}
	t.Setenv("HOME", t.TempDir())
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // sshd's own requirement
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := &openSSH{dir: t.TempDir(), ca: newKey(t)}
	file := func(name, content string) string {
		path := filepath.Join(s.dir, name)
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	config := append([]string{
		"ListenAddress 127.0.0.1:" + fmt.Sprint(port), "PidFile none", "UsePAM no", "StrictModes no",
		"PermitRootLogin yes", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
		"AuthorizedKeysFile " + file("authorized_keys", string(ssh.MarshalAuthorizedKey(mine))),
		"ForceCommand " + file("shell", "#!/bin/sh\necho some noise\nexec /bin/sh -c \"$(printf %s \"$SSH_ORIGINAL_COMMAND\" | sed s,/var/lib/pmkctl,"+s.dir+"/lib,g)\"\n"),
	}, settings...)
	var known strings.Builder
	for name, key := range hostKeys(t) {
		config = append(config, "HostKey "+file(name, privatePEM(t, key)))
		signer, err := ssh.NewSignerFromKey(key)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&known, "[127.0.0.1]:%d %s\n", port, line(signer))
		if name == "ed25519" {
			cert := certified(t, signer, s.ca, "127.0.0.1", time.Hour)
			config = append(config, "HostCertificate "+file("cert.pub", line(cert)+"\n"))
		}
	}
	s.target = sshhost.Target{
		Address: "127.0.0.1", Port: port, User: me.Username,
		IdentityFile: file("id", privatePEM(t, key)), KnownHosts: []string{file("known_hosts", known.String())},
	}
	if err := os.Chmod(s.target.IdentityFile, 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(t, sshd, file("sshd_config", strings.Join(config, "\n")+"\n"))
	return s
}

func (s *openSSH) run(t *testing.T, sshd, config string) {
	t.Helper()
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(sshd, "-D", "-e", "-f", config)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("sshd said:\n%s", text)
		}
	})
	addr := fmt.Sprintf("127.0.0.1:%d", s.target.Port)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		} else if time.Now().After(end) {
			t.Fatalf("sshd does not listen: %v", err)
		}
	}
}

func executable(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode()&0o111 != 0
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func hostKeys(t *testing.T) map[string]any {
	t.Helper()
	_, ed, err1 := ed25519.GenerateKey(rand.Reader)
	ec, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rs, err3 := rsa.GenerateKey(rand.Reader, 2048)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return map[string]any{"ed25519": ed, "ecdsa": ec, "rsa": rs}
}

func privatePEM(t *testing.T, key any) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// options make the client copy this program as the agent, or a small script
// that starts it.
func (s *openSSH) options(t *testing.T, whole bool) sshhost.Options {
	t.Helper()
	o := sshhost.Options{ConfigFile: filepath.Join(s.dir, "none")}
	if !whole {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		o.Executable = write(t, "#!/bin/sh\nexec "+self+" \"$@\"\n")
	}
	return o
}

func TestOpenSSH(t *testing.T) {
	s := startOpenSSH(t)
	agents := filepath.Join(s.dir, "lib", "agent")
	for i, old := range []string{"aaa", "bbb", "ccc"} {
		if err := os.MkdirAll(filepath.Join(agents, old), 0o700); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(filepath.Join(agents, old), at, at); err != nil {
			t.Fatal(err)
		}
	}
	o := s.options(t, true)
	var copied int64
	o.Progress = func(done, total int64) { copied = done }

	t.Run("copy and start", func(t *testing.T) {
		if _, err := dial(t, s.target, o); err != nil {
			t.Fatal(err)
		}
		if copied == 0 {
			t.Error("nothing was copied")
		}
		remaining, err := filepath.Glob(agents + "/*")
		if err != nil || len(remaining) != 2 {
			t.Errorf("agents remaining: %q, want this and the newest of the old ones", remaining)
		}
		if st, err := os.Stat(agents); err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("%s is %v, want 0700", agents, st.Mode())
		}
	})
	t.Run("start again", func(t *testing.T) {
		copied = 0
		session, err := dial(t, s.target, o)
		if err != nil {
			t.Fatal(err)
		}
		if copied != 0 {
			t.Error("the agent was copied again")
		}
		if err := session.Close(); err != nil {
			t.Error(err)
		}
		if _, err := session.Users(t.Context(), []string{"root"}); !errors.Is(err, host.ErrLost) {
			t.Errorf("after Close: %v", err)
		}
	})
	t.Run("damaged executable is replaced", func(t *testing.T) {
		path, _ := filepath.Glob(agents + "/*/pmkctl")
		if len(path) != 1 {
			t.Fatalf("found %q", path)
		}
		if err := os.Remove(path[0]); err != nil {
			t.Fatal(err)
		}
		if _, err := dial(t, s.target, o); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("host certificate", func(t *testing.T) {
		target := s.target
		target.HostKey = "@cert-authority " + line(s.ca)
		if _, err := dial(t, target, o); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("scan", func(t *testing.T) {
		keys, err := sshhost.Scan(t.Context(), s.target, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) != 3 {
			t.Fatalf("got %d keys", len(keys))
		}
		for _, k := range keys {
			for _, pin := range []string{sshhost.Pin(k), ssh.FingerprintSHA256(k)} {
				target := s.target
				target.HostKey = pin
				if _, err := dial(t, target, o); err != nil {
					t.Errorf("pinned to %s: %v", pin, err)
				}
			}
		}
	})
	t.Run("only one key is known", func(t *testing.T) {
		keys, err := sshhost.Scan(t.Context(), s.target, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			lines, err := sshhost.KnownHostsLines(s.target, []ssh.PublicKey{k}, o)
			if err != nil {
				t.Fatal(err)
			}
			target := s.target
			target.KnownHosts = []string{write(t, lines[0]+"\n")}
			if _, err := dial(t, target, o); err != nil {
				t.Errorf("known by %s: %v", lines[0], err)
			}
		}
	})
}

func TestOpenSSHMaxStartups(t *testing.T) {
	s := startOpenSSH(t, "MaxStartups 2:100:2")
	o := s.options(t, false)
	if _, err := dial(t, s.target, o); err != nil { // copies the agent
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			session, err := sshhost.Dial(t.Context(), s.target, o)
			if err != nil {
				t.Error(err)
				return
			}
			session.Close()
		})
	}
	all.Wait()
}

func TestOpenSSHRefusesKey(t *testing.T) {
	s := startOpenSSH(t)
	target := s.target
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	target.IdentityFile = write(t, privatePEM(t, other))
	if _, err := dial(t, target, s.options(t, false)); !errors.Is(err, sshhost.ErrAuth) {
		t.Errorf("got %v, want ErrAuth", err)
	}
}
