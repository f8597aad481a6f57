package sshhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/pmkctl/pmkctl/agent"
	"github.com/pmkctl/pmkctl/host"
)

// session is an agent's session and its connections.
type session struct {
	host.Session
	process  *process
	conn     *conn
	done     chan struct{}
	once     sync.Once
	readOnly bool

	mu   sync.Mutex
	bulk *conn // for large files; dialled when the first one travels
}

// Dial connects to the target and starts its agent. It ends with ctx; the
// session does not.
func Dial(ctx context.Context, t Target, o Options) (host.Session, error) {
	o = o.defaults()
	t, err := resolve(t, o.ConfigFile)
	if err != nil {
		return nil, err
	}
	exe, err := findExecutable(o.Executable)
	if err != nil {
		return nil, t.fail(ErrStart, err, "")
	}
	go exe.id() //nolint:errcheck // the result is kept; hashing goes on while dialling
	c, err := dialConn(ctx, t, o)
	if err != nil {
		return nil, err
	}
	s, err := c.start(ctx, t, exe, o)
	if err != nil {
		c.close()
		return nil, err
	}
	return s, nil
}

func dialConn(ctx context.Context, t Target, o Options) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Handshake)
	defer cancel()
	return connect(ctx, t)
}

// start starts the agent. If the host does not have it, start copies it
// first.
func (c *conn) start(ctx context.Context, t Target, exe *executable, o Options) (*session, error) {
	id, err := exe.id()
	if err != nil {
		return nil, t.fail(ErrStart, err, "")
	}
	s := &session{conn: c, done: make(chan struct{}), readOnly: o.ReadOnly}
	go c.keepalive(o, s.done)
	err = s.begin(ctx, t, id, o)
	if errors.Is(err, errMissing) {
		if err = c.upload(ctx, t, exe, id, o); err == nil {
			err = s.begin(ctx, t, id, o)
		}
	}
	if err != nil {
		close(s.done)
		return nil, err
	}
	return s, nil
}

// errMissing says that the host has no agent with this id, or one that cannot
// run.
var errMissing = errors.New("no such executable")

// begin tries once to start the agent.
func (s *session) begin(ctx context.Context, t Target, id string, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, o.Start)
	defer cancel()
	args := agent.ServeArgs
	if o.ReadOnly {
		args = agent.ReadOnlyArgs
	}
	p, err := s.conn.run(ctx, t, command(id, args))
	if err != nil {
		return err
	}
	inner, err := agent.Connect(ctx, p, agent.ClientOptions{
		HostKey: ssh.FingerprintSHA256(s.conn.key),
		Bulk:    func(ctx context.Context) (io.ReadWriteCloser, error) { return s.receiver(ctx, t, id, o) },
		Trace:   o.Trace,
	})
	if err != nil {
		defer p.session.Close()
		if ctx.Err() == nil && p.missing(AgentPath(id)) {
			_, shown := p.said()
			return t.fail(ErrStart, fmt.Errorf("%w: %s", errMissing, shown), "see if "+Dir+" is on a file system mounted noexec there")
		}
		return p.explain(ctx, err)
	}
	p.admitted()
	s.Session, s.process = inner, p
	return nil
}

// missing reports whether the command ended because its executable is missing
// or damaged. Shells report that with a status. sudo prints a line in the
// host's language with the path before a colon; sudo-rs quotes the path.
func (p *process) missing(path string) bool {
	status := p.exitStatus()
	said, _ := p.said()
	return status == 126 || status == 127 ||
		status > 0 && (strings.Contains(said, path+": ") || strings.Contains(said, path+"': "))
}

func command(id string, args []string) string {
	return AgentPath(id) + " " + strings.Join(args, " ")
}

// receiver starts a process that receives large files, on a connection of its
// own: calls on the same connection would take more than twice as long during
// a transfer.
func (s *session) receiver(ctx context.Context, t Target, id string, o Options) (io.ReadWriteCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done:
		return nil, host.ErrLost
	default:
	}
	if s.bulk != nil { // the connection may be lost by now
		if p, err := s.bulk.run(ctx, t, command(id, agent.ReceiveArgs)); err == nil || ctx.Err() != nil {
			return p, err
		}
		s.bulk.close()
		s.bulk = nil
	}
	c, err := dialConn(ctx, t, o)
	if err != nil {
		return nil, err
	}
	s.bulk = c
	go c.keepalive(o, s.done)
	return c.run(ctx, t, command(id, agent.ReceiveArgs))
}

// Close ends the agent and the connections.
func (s *session) Close() error {
	err := s.Session.Close()
	s.once.Do(func() {
		close(s.done)
		if !s.readOnly {
			s.process.wait(shutdownLimit) // so that changes end before Close returns
		}
		s.conn.close()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.bulk != nil {
			s.bulk.close()
		}
	})
	return err
}
