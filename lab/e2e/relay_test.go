//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/pmkctl/pmkctl/lab"
)

// A relay is an SSH server in front of a host. It lets root in, runs the
// requested commands on the host, and records everything without encryption. It
// can delay all data, as a long line does.
type relay struct {
	host   lab.Host
	delay  time.Duration // in each direction
	listen net.Listener
	config *ssh.ServerConfig
	key    ssh.PublicKey

	mu          sync.Mutex
	sent        []byte // stdout and stderr of the commands on the host
	connections int
	commands    []string
	firstWord   time.Time // when the first output of a command arrived at the caller
	goodbye     time.Time // when the caller closed a command's input
}

// relays starts a relay for every host, and returns a spec that uses them.
func relays(t *testing.T, l *lab.Lab, name string, delay time.Duration) (all map[string]*relay, spec string) {
	t.Helper()
	all = map[string]*relay{}
	var known strings.Builder
	for _, h := range l.Hosts() {
		r := startRelay(t, h, delay)
		all[h.Name] = r
		fmt.Fprintf(&known, "[127.0.0.1]:%d %s", r.port(), ssh.MarshalAuthorizedKey(r.key))
	}
	return all, variant(t, l, lab.Variant{
		Name: name,
		Change: func(h *lab.Host) {
			h.User, h.Become, h.SSHAddress, h.SSHPort = "root", lab.BecomeNone, "127.0.0.1", all[h.Name].port()
		},
		KnownHosts: func(string) string { return known.String() },
	})
}

func startRelay(t *testing.T, h lab.Host, delay time.Duration) *relay {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	must(t, err)
	r := &relay{host: h, delay: delay, key: signer.PublicKey()}
	r.config = &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	r.config.AddHostKey(signer)
	r.listen, err = net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := r.listen.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { r.serve(t.Context(), c) })
		}
	})
	t.Cleanup(func() {
		r.listen.Close()
		serving.Wait()
	})
	return r
}

func (r *relay) port() int { return r.listen.Addr().(*net.TCPAddr).Port }

// serve serves one connection until it or the test ends.
func (r *relay) serve(ctx context.Context, c net.Conn) {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	conn, channels, requests, err := ssh.NewServerConn(c, r.config)
	if err != nil {
		return
	}
	r.note(func() { r.connections++ })
	go func() {
		for q := range requests {
			_ = q.Reply(false, nil) // for keepalives any answer is enough
		}
	}()
	var running sync.WaitGroup
	defer running.Wait()
	for n := range channels {
		if n.ChannelType() != "session" {
			_ = n.Reject(ssh.UnknownChannelType, "a relay knows only sessions")
			continue
		}
		channel, requests, err := n.Accept()
		if err != nil {
			return
		}
		running.Go(func() { r.session(ctx, channel, requests) })
	}
	_ = conn.Close()
}

func (r *relay) session(ctx context.Context, channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for q := range requests {
		var payload struct{ Command string }
		if q.Type != "exec" || ssh.Unmarshal(q.Payload, &payload) != nil {
			_ = q.Reply(false, nil)
			continue
		}
		_ = q.Reply(true, nil)
		go func() {
			for q := range requests {
				_ = q.Reply(false, nil)
			}
		}()
		status := r.run(ctx, channel, payload.Command)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		return
	}
}

// run runs a command on the host and connects it with the caller's channel.
func (r *relay) run(ctx context.Context, channel ssh.Channel, command string) uint32 {
	r.note(func() { r.commands = append(r.commands, command) })
	cmd := exec.CommandContext(ctx, "docker", "exec", "--interactive", r.host.Container, "/bin/bash", "-c", command)
	cmd.WaitDelay = 5 * time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 255
	}
	out, back := io.Pipe()
	delayed := later(channel, r.delay, func() {
		r.note(func() {
			if r.firstWord.IsZero() {
				r.firstWord = time.Now()
			}
		})
	})
	cmd.Stdout = io.MultiWriter(recorder{r}, back)
	cmd.Stderr = io.MultiWriter(recorder{r}, channel.Stderr())
	var copying sync.WaitGroup
	copying.Go(func() { delayed(out) })
	go func() {
		later(stdin, r.delay, func() {})(channel)
		r.note(func() { r.goodbye = time.Now() })
		stdin.Close()
	}()
	err = cmd.Run()
	back.Close()
	copying.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return uint32(exit.ExitCode())
	}
	if err != nil {
		return 255
	}
	return 0
}

func (r *relay) note(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// A recorder records what a host sends.
type recorder struct{ r *relay }

func (rec recorder) Write(b []byte) (int, error) {
	rec.r.note(func() { rec.r.sent = append(rec.r.sent, b...) })
	return len(b), nil
}

// later returns a copier to w that delays each piece, and calls then after
// each.
func later(w io.Writer, delay time.Duration, then func()) func(io.Reader) {
	type piece struct {
		at time.Time
		b  []byte
	}
	return func(from io.Reader) {
		pieces := make(chan piece, 1<<16)
		go func() {
			defer close(pieces)
			buf := make([]byte, 64<<10)
			for {
				n, err := from.Read(buf)
				if n > 0 {
					pieces <- piece{time.Now().Add(delay), bytes.Clone(buf[:n])}
				}
				if err != nil {
					return
				}
			}
		}()
		for p := range pieces {
			<-time.After(time.Until(p.at))
			if _, err := w.Write(p.b); err != nil {
				for range pieces { // until the reader has ended
				}
				return
			}
			then()
		}
	}
}

// agents returns the number of commands that are agents. Those that copy the
// agent do not count.
func (r *relay) agents() int {
	n := 0
	for _, c := range r.commands {
		if !strings.HasPrefix(c, "/bin/sh ") {
			n++
		}
	}
	return n
}

func (r *relay) String() string {
	return r.host.Name + " at port " + strconv.Itoa(r.port())
}
