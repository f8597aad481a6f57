package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/creachadair/jrpc2"

	"github.com/pmkctl/pmkctl/host"
)

// ClientOptions configure the caller's side of a session.
type ClientOptions struct {
	// HostKey is the fingerprint of the host key; Session.Identity returns
	// it.
	HostKey string

	// Bulk starts a process with ReceiveArgs on the same host and returns its
	// stdin and stdout. One process takes several files one after the other;
	// Bulk is called again for files that are sent at the same time. If it is
	// nil, files travel in calls.
	Bulk func(ctx context.Context) (io.ReadWriteCloser, error)

	// Trace is called after every call, from several goroutines at once.
	Trace func(method string, took time.Duration, err error)

	// Beat is the time between two heartbeats; 0 is 5 s.
	Beat time.Duration
}

// maxNoise is how many bytes a shell may print before the agent's first line.
const maxNoise = 64 << 10

// Connect begins a session with the agent at the other end of rw. The session
// closes rw. Connect waits for the agent's hello until ctx ends; the session
// itself does not depend on ctx.
func Connect(ctx context.Context, rw io.ReadWriteCloser, o ClientOptions) (host.Session, error) {
	if o.Beat == 0 {
		o.Beat = beatEvery
	}
	stop := context.AfterFunc(ctx, func() { rw.Close() })
	s := &session{o: o, born: time.Now(), lost: make(chan struct{}), bulk: bulkPool{dial: o.Bulk}, rounds: map[string]bool{}}
	p := newPipe(rw, func(err error) {
		if err == nil {
			s.moved()
		}
	}, s.moved)
	h, err := greet(p)
	if !stop() && ctx.Err() != nil {
		err = fmt.Errorf("wait for the agent: %w", context.Cause(ctx))
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	s.hello, s.since = h, time.Now()
	s.rpc = jrpc2.NewClient(p, &jrpc2.ClientOptions{
		OnCancel: func(c *jrpc2.Client, r *jrpc2.Response) {
			c.Notify(context.Background(), "Cancel", cancelArgs{ID: r.ID()})
		},
		OnStop: func(_ *jrpc2.Client, err error) { s.end(err) },
	})
	go s.beat()
	return s, nil
}

// greet skips what a shell printed and reads the hello.
func greet(p *pipe) (hello, error) {
	var h hello
	if err := skipNoise(p.r); err != nil {
		return h, err
	}
	msg, err := p.Recv()
	if err != nil {
		return h, fmt.Errorf("read the agent's hello: %w", err)
	}
	if err := json.Unmarshal(msg, &h); err != nil {
		return h, fmt.Errorf("read the agent's hello: %w", err)
	}
	if h.Protocol != protocol || h.Version != Version {
		return h, fmt.Errorf("the agent is of version %q (protocol %d), not %q (protocol %d): a pmkctl-linux-ARCH beside pmkctl must be of the same release",
			h.Version, h.Protocol, Version, protocol)
	}
	return h, nil
}

// skipNoise reads up to and including the magic line.
func skipNoise(r *bufio.Reader) error {
	var seen []byte
	for {
		c, err := r.ReadByte()
		if err != nil {
			return &NoiseError{Seen: string(seen), Err: err}
		}
		seen = append(seen, c)
		if c == '\n' && strings.HasSuffix(string(seen[max(0, len(seen)-len(Magic)):]), Magic) {
			return nil
		}
		if len(seen) >= maxNoise {
			return &NoiseError{Seen: string(seen), Err: fmt.Errorf("more than %d bytes came before it", maxNoise)}
		}
	}
}

// A NoiseError says that the agent's first line did not come. Seen is what
// came instead, which may be nothing.
type NoiseError struct {
	Seen string
	Err  error
}

func (e *NoiseError) Error() string {
	seen := strings.TrimSpace(e.Seen)
	if seen == "" {
		return fmt.Sprintf("wait for the agent: %v", e.Err)
	}
	if len(seen) > 500 {
		seen = "..." + seen[len(seen)-500:]
	}
	return fmt.Sprintf("wait for the agent: %v; the host said: %q", e.Err, seen)
}

func (e *NoiseError) Unwrap() error { return e.Err }

// A session is the caller's side.
type session struct {
	o     ClientOptions
	hello hello
	since time.Time // when the hello came
	born  time.Time
	rpc   *jrpc2.Client
	bulk  bulkPool
	life  atomic.Int64 // when bytes last came or went, as time since born

	once  sync.Once
	lost  chan struct{} // closed when the connection is gone
	cause error

	mu     sync.Mutex
	locked bool            // the lock was requested, perhaps in vain
	rounds map[string]bool // ids of the probe rounds that have not ended
}

var _ host.Session = (*session)(nil)

// end notes that the connection is lost. The first cause is kept.
func (s *session) end(err error) {
	s.once.Do(func() {
		s.cause = err
		close(s.lost)
	})
}

// moved notes a sign of life from the agent.
func (s *session) moved() { s.life.Store(int64(time.Since(s.born))) }

// beat sends heartbeats, by which the agent knows that the caller lives. It
// ends the session if none is answered for four beats and nothing else came.
func (s *session) beat() {
	t := time.NewTicker(s.o.Beat)
	defer t.Stop()
	for {
		select {
		case <-s.lost:
			return
		case <-t.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), 4*s.o.Beat)
		_, err := s.rpc.Call(ctx, "Beat", none{})
		cancel()
		quiet := time.Since(s.born) - time.Duration(s.life.Load())
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && err != nil && quiet >= 4*s.o.Beat {
			s.end(fmt.Errorf("no answer in %s", 4*s.o.Beat))
			s.rpc.Close()
		}
	}
}

// call makes a call, traces it and returns its result.
func call[R any](ctx context.Context, s *session, method string, args any) (R, error) {
	begin := time.Now()
	var result R
	err := s.call(ctx, method, args, &result)
	if s.o.Trace != nil {
		s.o.Trace(method, time.Since(begin), err)
	}
	return result, err
}

func (s *session) call(ctx context.Context, method string, args, result any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := s.rpc.Call(ctx, method, args)
	if err == nil {
		return r.UnmarshalResult(result)
	}
	if e := (*jrpc2.Error)(nil); errors.As(err, &e) && e.Code == failed {
		return fromWire(e)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case <-s.lost:
		return s.lostError()
	default:
	}
	if e := (*jrpc2.Error)(nil); errors.As(err, &e) && e.Code != jrpc2.SystemError && e.Code != jrpc2.InternalError {
		return fmt.Errorf("%s: %w", method, err) // a bug of pmkctl: no such method, bad arguments
	}
	return fmt.Errorf("%w: %v", host.ErrLost, err)
}

func (s *session) lostError() error {
	if s.cause == nil || errors.Is(s.cause, io.EOF) {
		return host.ErrLost
	}
	return fmt.Errorf("%w: %v", host.ErrLost, s.cause)
}

// do makes a call without a result.
func (s *session) do(ctx context.Context, method string, args any) error {
	_, err := call[none](ctx, s, method, args)
	return err
}

// Identity returns the host's key and the agent's version.
func (s *session) Identity() host.Identity {
	return host.Identity{HostKey: s.o.HostKey, Agent: s.hello.Version}
}

// Lock takes the host's lock.
func (s *session) Lock(ctx context.Context, r host.LockRequest) error {
	s.mu.Lock()
	s.locked = true
	s.mu.Unlock()
	return s.do(ctx, "Lock", r)
}

// Arm lets the session change the host.
func (s *session) Arm(ctx context.Context, plan string) error {
	return s.do(ctx, "Arm", armArgs{Plan: plan})
}

// LockHolder returns the holder of the lock; nil if it is free.
func (s *session) LockHolder(ctx context.Context) (*host.LockRequest, error) {
	return call[*host.LockRequest](ctx, s, "LockHolder", none{})
}

// Close ends the session. Locks and probe rounds of the session are released
// when Close returns, unless the host does not answer.
func (s *session) Close() error {
	s.mu.Lock()
	held := s.locked || len(s.rounds) > 0
	s.mu.Unlock()
	if held {
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		s.call(ctx, "Bye", none{}, &none{})
	}
	s.bulk.close()
	s.end(errors.New("the session was closed"))
	if err := s.rpc.Close(); err != nil && !errors.Is(err, io.EOF) {
		return nil // the connection was lost before: nothing is open
	}
	return nil
}
