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

// ServeOptions are the agent's side. The zero value is right on a real host.
type ServeOptions struct {
	ReadOnly bool // never armed, whoever asks

	RunDir   string        // of the locks; "" is /run/pmkctl
	StateDir string        // of files that arrive; "" is /var/lib/pmkctl
	Silence  time.Duration // how long to go without a sign of life; 0 is 30 s
	Grace    time.Duration // for what runs when the caller is gone; 0 is 2 s

	// Gone is closed when the caller is known to be gone although rw has not
	// ended yet.
	Gone <-chan struct{}
}

// ErrSilent is a caller that was not heard of for too long.
var ErrSilent = errors.New("the caller fell silent")

// Calls at once, and those of them that may do work: signs of life and
// cancellations pass when all others are stuck.
const (
	maxCalls   = 4096
	maxWorking = 64
)

// Serve serves h on rw until the caller is gone or silent, or ctx ends. A
// change that runs when the caller falls silent is finished first; when the
// connection ends it has Grace. Locks are free when Serve returns; h is not
// closed.
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
	defer s.letGo()
	return s.serve(ctx, rw)
}

// A server is one session.
type server struct {
	h       host.Host
	o       ServeOptions
	lock    *lockFile
	probing *lockFile
	store   store
	began   time.Time

	armed   atomic.Bool
	heard   atomic.Int64  // time since began
	working chan struct{} // slots
	ended   chan struct{} // closed when the connection has
	endOnce sync.Once
	endErr  error

	reads, writes context.Context // of the handlers; writes ends last

	mu      sync.Mutex
	leaving bool
	changes sync.WaitGroup // writes that run; none is added once leaving
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
	s.leave(err)
	endWrites()
	// Not rpc.Stop: it panics when a message arrives meanwhile. Closing the
	// pipe ends the server from its reader.
	return err
}

// greet speaks first.
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

// watch returns when it is time to leave: with nil if the caller left
// orderly.
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
		case <-s.o.Gone:
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

// leave waits for changes that run. A caller that is gone cannot follow them
// any more, so they have little time; each of them is whole or not at all.
func (s *server) leave(why error) {
	s.mu.Lock()
	s.leaving = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.changes.Wait(); close(done) }()
	limit := s.o.Grace
	if errors.Is(why, ErrSilent) {
		limit = 20 * s.o.Silence // systemd's own limits for a job end before
	}
	select {
	case <-done:
	case <-time.After(limit):
	}
}

// letGo frees what others wait for.
func (s *server) letGo() {
	s.mu.Lock()
	rounds := s.rounds
	s.rounds = map[string]bool{}
	s.mu.Unlock()
	for id := range rounds {
		ctx, cancel := context.WithTimeout(context.Background(), s.o.Grace)
		_, _ = s.h.ProbeEnd(ctx, id) // the ports go with the process in any case
		cancel()
	}
	s.probing.release()
	s.lock.release()
}
