package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/creachadair/jrpc2"

	"github.com/pmkctl/pmkctl/host"
)

// ServeOptions configure the agent's side of a session. The zero value is
// right on a real host.
type ServeOptions struct {
	ReadOnly bool // Arm is refused

	RunDir   string        // holds the locks; "" is /run/pmkctl
	StateDir string        // holds files that arrive; "" is /var/lib/pmkctl
	Silence  time.Duration // the agent ends after so long without a sign of life; 0 is 30 s
	Grace    time.Duration // the time to finish running changes when the connection has ended; 0 is 2 s

	// HungUp is closed when the caller is known to have ended although rw has
	// not ended yet.
	HungUp <-chan struct{}
}

// ErrSilent is returned by Serve when no sign of life came for
// ServeOptions.Silence.
var ErrSilent = errors.New("the caller fell silent")

// Limits of calls at once: of all, and of those that do work. The calls
// between the limits are for heartbeats and cancellations, which must get
// through when all working calls are stuck.
const (
	maxCalls   = 4096
	maxWorking = 64
)

// Serve serves h on rw until the caller closes rw or falls silent, or ctx
// ends. A change that runs is finished first if the caller falls silent; if
// the connection ends it has Grace. Locks are released when Serve returns; h
// is not closed.
func Serve(ctx context.Context, h host.Host, rw io.ReadWriteCloser, o ServeOptions) error {
	if o.RunDir == "" {
		o.RunDir = "/run/pmkctl"
	}
	if o.StateDir == "" {
		o.StateDir = "/var/lib/pmkctl"
	}
	if o.Silence == 0 {
		o.Silence = silence
	}
	if o.Grace == 0 {
		o.Grace = grace
	}
	s := &server{
		h: h, o: o,
		lock:    &lockFile{path: filepath.Join(o.RunDir, applyLock)},
		probing: &lockFile{path: filepath.Join(o.RunDir, probeLock)},
		store:   store{dir: filepath.Join(o.StateDir, "incoming")},
		rounds:  map[string]bool{},
		working: make(chan struct{}, maxWorking),
		began:   time.Now(),
		ended:   make(chan struct{}),
	}
	defer s.release()
	return s.serve(ctx, rw)
}

// A server serves one session.
type server struct {
	h       host.Host
	o       ServeOptions
	lock    *lockFile
	probing *lockFile
	store   store
	began   time.Time

	armed   atomic.Bool
	heard   atomic.Int64  // when a sign of life last came, as time since began
	working chan struct{} // slots
	ended   chan struct{} // closed when the connection has ended
	endOnce sync.Once
	endErr  error

	reads, writes context.Context // contexts of the handlers; writes ends last

	mu      sync.Mutex
	ending  bool
	changes sync.WaitGroup // running writes; none is added once ending
	rounds  map[string]bool
}

func (s *server) serve(ctx context.Context, rw io.ReadWriteCloser) error {
	var endReads, endWrites context.CancelFunc
	s.writes, endWrites = context.WithCancel(context.WithoutCancel(ctx))
	defer endWrites()
	s.reads, endReads = context.WithCancel(s.writes)
	defer endReads()

	p := newPipe(rw, s.hear, func() {})
	defer p.Close()
	if err := s.greet(ctx, p); err != nil {
		return err
	}
	jrpc2.NewServer(s.methods(), &jrpc2.ServerOptions{Concurrency: maxCalls, DisableBuiltin: true}).Start(p)

	err := s.watch(ctx)
	endReads()
	s.shutDown(err)
	endWrites()
	// Not rpc.Stop: it panics when a message arrives meanwhile. Closing the
	// pipe ends the server from its reader.
	return err
}

// greet sends the magic line and the hello.
func (s *server) greet(ctx context.Context, p *pipe) error {
	if err := p.out.put([]byte(Magic)); err != nil {
		return err
	}
	facts, err := s.h.Facts(ctx)
	if err != nil {
		return fmt.Errorf("find out what this host is: %w", err)
	}
	msg, err := json.Marshal(hello{Protocol: protocol, Version: Version, ReadOnly: s.o.ReadOnly, Facts: facts})
	if err != nil {
		return err
	}
	s.heard.Store(int64(time.Since(s.began)))
	return p.Send(msg)
}

// hear notes a sign of life, or the end of the connection.
func (s *server) hear(err error) {
	if err == nil {
		s.heard.Store(int64(time.Since(s.began)))
		return
	}
	s.endOnce.Do(func() {
		s.endErr = err
		close(s.ended)
	})
}

// watch returns when the agent is to end. The error is nil if the caller
// closed the connection.
func (s *server) watch(ctx context.Context) error {
	t := time.NewTimer(s.o.Silence)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.ended:
			if errors.Is(s.endErr, io.EOF) || errors.Is(s.endErr, io.ErrClosedPipe) {
				return nil
			}
			return s.endErr
		case <-s.o.HungUp:
			return nil
		case <-t.C:
			// Both are monotonic: a clock that is set changes nothing.
			quiet := time.Since(s.began) - time.Duration(s.heard.Load())
			if quiet >= s.o.Silence {
				return ErrSilent
			}
			t.Reset(s.o.Silence - quiet)
		}
	}
}

// shutDown waits for running changes. If the connection has ended the caller
// cannot learn their results any more, so they get little time; each of them
// takes effect as a whole or not at all.
func (s *server) shutDown(why error) {
	s.mu.Lock()
	s.ending = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.changes.Wait(); close(done) }()
	limit := s.o.Grace
	if errors.Is(why, ErrSilent) {
		limit = 20 * s.o.Silence // systemd's own limits for a job are shorter
	}
	select {
	case <-done:
	case <-time.After(limit):
	}
}

// release ends probe rounds and releases the locks, for which other runs may
// wait.
func (s *server) release() {
	s.mu.Lock()
	rounds := s.rounds
	s.rounds = map[string]bool{}
	s.mu.Unlock()
	for id := range rounds {
		ctx, cancel := context.WithTimeout(context.Background(), s.o.Grace)
		_, _ = s.h.ProbeEnd(ctx, id) // the process's end frees the ports in any case
		cancel()
	}
	s.probing.release()
	s.lock.release()
}
