package sshhost_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"io"
	mrand "math/rand/v2"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
	xagent "golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

type rng struct{}

func (rng) Read(b []byte) (int, error) { return rand.Read(b) }

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func hashed(name string) string { return knownhosts.HashHostname(name) }

func encrypted(t *testing.T, key crypto.PrivateKey) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// agentSocket is an ssh-agent and its socket.
type agentSocket struct {
	ring  xagent.Agent
	calls atomic.Int64
}

func (a *agentSocket) used() int64 { return a.calls.Load() }

func (a *agentSocket) add(t *testing.T, key any) {
	t.Helper()
	if err := a.ring.Add(xagent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
}

// startAgent starts an ssh-agent and sets SSH_AUTH_SOCK.
func startAgent(t *testing.T) *agentSocket {
	t.Helper()
	a := &agentSocket{ring: xagent.NewKeyring()}
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	t.Setenv("SSH_AUTH_SOCK", path)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			a.calls.Add(1)
			go func() {
				_ = xagent.ServeAgent(a.ring, c)
				c.Close()
			}()
		}
	}()
	return a
}

// garbler forwards connections to addr and damages what comes back: it flips
// a bit, sends noise, or sends all bytes at once.
func garbler(t *testing.T, addr string, seed int) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := mrand.New(mrand.NewPCG(uint64(seed), 7))
	at, bit, noise := r.IntN(2500), byte(1<<r.IntN(8)), make([]byte, r.IntN(200<<10))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if seed%3 == 0 {
					if seed%2 == 0 {
						_, _ = io.WriteString(c, "SSH-2.0-noise\r\n")
					}
					_, _ = c.Write(noise)
					_, _ = io.Copy(io.Discard, c)
					return
				}
				up, err := net.Dial("tcp", addr)
				if err != nil {
					return
				}
				defer up.Close()
				go io.Copy(up, c) //nolint:errcheck // ends when either side closes
				spoil(c, up, at, bit)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr)
}

func spoil(to io.Writer, from io.Reader, at int, bit byte) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if at >= 0 && at < n {
			buf[at] ^= bit
		}
		at -= n
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}
