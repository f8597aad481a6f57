package sshtest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"

	"github.com/pmkctl/pmkctl/agent"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/sshhost"
)

// Config configures a server. The zero value is a host with root's login and
// the agent in place.
type Config struct {
	User     string       // user that may log in; "" is root
	Keys     []ssh.Signer // the host's keys; none makes an ed25519 key
	Sudo     Sudo         // for a user other than root
	SudoRS   bool         // sudo is sudo-rs
	Password string       // the password that sudo asks for
	Motd     string       // text that the shell prints first
	Missing  bool         // the agent is missing until it is copied
	Machine  string       // output of uname -sm; "" is Linux x86_64
	Agent    agent.ServeOptions
	Output   io.Writer // gets a copy of what agents send; may be nil
	Input    io.Writer // gets a copy of what agents receive; may be nil
	Fault    Fault
}

// Sudo is how sudo behaves on the host.
type Sudo int

// The kinds of sudo.
const (
	NoSudo       Sudo = iota // sudo is not installed
	NoPassword               // sudo asks for no password
	WithPassword             // sudo asks for Config.Password
	NotAllowed               // the user is not in the sudoers file
)

// Fault is the faults of a server. The zero value has none.
type Fault struct {
	Mute         bool  // the server accepts connections and never sends anything
	Drop         int   // number of connections that are dropped before a key is shown
	RefuseAuth   bool  // no key is accepted
	BlackHole    bool  // commands start and never print anything
	CutBytes     int64 // the connection is cut after so many bytes of agents' output; 0 is never
	CutCalls     int   // the connection is cut after so many calls to its agent; 0 is never
	FreezeCalls  int   // after so many calls nothing comes back, but the connection stays; 0 is never
	NoKeepalive  bool  // keepalive requests are not answered
	UploadBroken bool  // the copy of the agent arrives damaged
	Silent       bool  // sudo asks with another prompt than the one it got
}

// A Record is what a server has received.
type Record struct {
	Connections int
	Offered     []string // fingerprints of public keys offered in logins
	LoggedIn    int
	Sessions    int
	Commands    []string
	Passwords   []string // lines that sudo has read
	Uploads     int
	Calls       int // calls to agents, without heartbeats
	Forwarded   int // number of forwarded connections
}

// Server is a host behind SSH.
type Server struct {
	Addr string // 127.0.0.1:PORT

	host     host.Host
	config   Config
	dir      string // directory of the agent's state and the client's files
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc

	mu     sync.Mutex
	keys   []ssh.Signer
	fault  Fault
	record Record
	agents map[string]bool // ids of the copied agents, if Config.Missing
	conns  map[net.Conn]bool
	served sync.WaitGroup
}

// client is the key that may log in to every server of this process.
var client = sync.OnceValues(func() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
})

// Start starts a server for h on a loopback port.
func Start(h host.Host, c Config) (*Server, error) {
	if c.User == "" {
		c.User = "root"
	}
	if c.Machine == "" {
		c.Machine = "Linux x86_64"
	}
	if len(c.Keys) == 0 {
		key, err := NewKey()
		if err != nil {
			return nil, err
		}
		c.Keys = []ssh.Signer{key}
	}
	s := &Server{host: h, config: c, keys: c.Keys, fault: c.Fault, agents: map[string]bool{}, conns: map[net.Conn]bool{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	var err error
	if s.dir, err = os.MkdirTemp("", "pmkctl-sshtest-"); err != nil {
		return nil, err
	}
	if err := s.writeClientFiles(); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	s.Addr = s.listener.Addr().String()
	s.served.Add(1)
	go s.accept()
	return s, s.writeKnownHosts()
}

// NewKey makes a host key.
func NewKey() (ssh.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(key)
}

func (s *Server) Close() error {
	s.cancel()
	err := s.listener.Close()
	s.Cut()
	s.served.Wait()
	return errors.Join(err, os.RemoveAll(s.dir))
}

// Target returns a target with which a client can log in.
func (s *Server) Target() sshhost.Target {
	addr := s.listener.Addr().(*net.TCPAddr)
	t := sshhost.Target{
		Address: addr.IP.String(), Port: addr.Port, User: s.config.User,
		IdentityFile: s.IdentityFile(), KnownHosts: []string{s.KnownHosts()},
		Become: s.config.User != "root",
	}
	if s.config.Sudo == WithPassword {
		t.BecomePassword = Password(s.config.Password)
	}
	return t
}

// Options returns options with short deadlines, and with a small file in
// place of a real agent.
func (s *Server) Options() sshhost.Options {
	return sshhost.Options{
		Executable: filepath.Join(s.dir, "pmkctl"), ConfigFile: filepath.Join(s.dir, "no-config"),
		Handshake: 5 * time.Second, Start: 5 * time.Second,
	}
}

// Password is a secret for tests.
type Password string

// Reveal returns it.
func (p Password) Reveal() string { return string(p) }

func (Password) String() string { return "(sensitive)" }

// IdentityFile returns the file of the key that may log in.
func (s *Server) IdentityFile() string { return filepath.Join(s.dir, "id_ed25519") }

// KnownHosts returns a file with the server's keys at its start.
func (s *Server) KnownHosts() string { return filepath.Join(s.dir, "known_hosts") }

func (s *Server) writeClientFiles() error {
	key, err := client()
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(s.IdentityFile(), pem.EncodeToMemory(block), 0o600),
		os.WriteFile(filepath.Join(s.dir, "pmkctl"), []byte("#!/bin/false\nan executable\n"), 0o700),
	)
}

func (s *Server) writeKnownHosts() error {
	var lines []byte
	for _, k := range s.config.Keys {
		key := k.PublicKey()
		if _, ok := key.(*ssh.Certificate); !ok {
			lines = fmt.Appendln(lines, knownhosts.Line([]string{s.Addr}, key))
		}
	}
	return os.WriteFile(s.KnownHosts(), lines, 0o600)
}

// SetKeys changes the host's keys for new connections.
func (s *Server) SetKeys(keys ...ssh.Signer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys
}

// SetFault replaces the faults.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Record returns what has been received so far.
func (s *Server) Record() Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record
}

// Cut cuts all connections.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// note changes the record.
func (s *Server) note(f func(*Record)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.record)
}

func (s *Server) faults() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

func (s *Server) accept() {
	defer s.served.Done()
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.served.Add(1)
		go func() {
			defer s.served.Done()
			defer s.forget(c)
			if s.remember(c) {
				s.serve(c)
			}
		}()
	}
}

// remember counts a connection and reports whether to serve it.
func (s *Server) remember(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = true
	s.record.Connections++
	if s.fault.Drop > 0 {
		s.fault.Drop--
		return false
	}
	return s.ctx.Err() == nil
}

func (s *Server) forget(c net.Conn) {
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *Server) serve(c net.Conn) {
	if s.faults().Mute {
		buf := make([]byte, 1024)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
		}
	}
	conn, channels, requests, err := ssh.NewServerConn(c, s.sshConfig())
	if err != nil {
		return
	}
	s.note(func(r *Record) { r.LoggedIn++ })
	if s.faults().NoKeepalive {
		go func() {
			for range requests {
			}
		}()
	} else {
		go ssh.DiscardRequests(requests)
	}
	defer conn.Close()
	var sessions sync.WaitGroup
	defer sessions.Wait()
	for ch := range channels {
		sessions.Add(1)
		go func() {
			defer sessions.Done()
			s.channel(c, ch)
		}()
	}
}

func (s *Server) sshConfig() *ssh.ServerConfig {
	c := &ssh.ServerConfig{
		MaxAuthTries: 6,
		PublicKeyCallback: func(m ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			s.note(func(r *Record) { r.Offered = append(r.Offered, ssh.FingerprintSHA256(key)) })
			mine, err := client()
			if err != nil {
				return nil, err
			}
			allowed, err := ssh.NewPublicKey(mine.Public())
			if err != nil {
				return nil, err
			}
			if s.faults().RefuseAuth || m.User() != s.config.User || sha256.Sum256(key.Marshal()) != sha256.Sum256(allowed.Marshal()) {
				return nil, errors.New("permission denied")
			}
			return nil, nil
		},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		c.AddHostKey(k)
	}
	return c
}
