package agent_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/agent"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/host/oshost"
)

// A stand is an agent and its directory.
type stand struct {
	dir    string
	served chan error // what Serve returned
	conn   net.Conn   // the caller's end
}

type setup struct {
	serve  agent.ServeOptions
	client agent.ClientOptions
	noise  string
	wrap   func(host.Host) host.Host
	dir    string
}

// connect starts an agent over this machine, which writes only to a temporary
// directory, and a session with it.
func connect(t *testing.T, o setup) (host.Session, *stand) {
	t.Helper()
	st := start(t, o)
	s, err := agent.Connect(t.Context(), st.conn, o.client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, st
}

func start(t *testing.T, o setup) *stand {
	t.Helper()
	if o.dir == "" {
		o.dir = t.TempDir()
	}
	here, there := net.Pipe()
	st := &stand{dir: o.dir, served: make(chan error, 1), conn: here}
	o.serve.RunDir, o.serve.StateDir = filepath.Join(o.dir, "run"), filepath.Join(o.dir, "state")
	real := oshost.New(oshost.Options{StateDir: o.serve.StateDir})
	t.Cleanup(func() { real.Close() })
	var h host.Host = real
	if o.wrap != nil {
		h = o.wrap(h)
	}
	go func() {
		if o.noise != "" {
			io.WriteString(there, o.noise)
		}
		st.served <- agent.Serve(context.WithoutCancel(t.Context()), h, there, o.serve)
	}()
	t.Cleanup(func() { here.Close() })
	return st
}

func arm(t *testing.T, s host.Session) {
	t.Helper()
	if err := s.Lock(t.Context(), host.LockRequest{Run: "r1", Who: "me@here", For: "apply"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Arm(t.Context(), "plan1"); err != nil {
		t.Fatal(err)
	}
}

func (st *stand) wait(t *testing.T, limit time.Duration) error {
	t.Helper()
	select {
	case err := <-st.served:
		return err
	case <-time.After(limit):
		t.Fatalf("the agent is there after %s", limit)
		return nil
	}
}

// writers calls every method of host.Writer by reflection, so no test forgets
// a new one.
func writers(s host.Host, call func(name string, err error)) {
	w := reflect.TypeFor[host.Writer]()
	for i := range w.NumMethod() {
		m := w.Method(i)
		args := []reflect.Value{reflect.ValueOf(context.Background())}
		for j := 1; j < m.Type.NumIn(); j++ {
			args = append(args, example(m.Type.In(j)))
		}
		out := reflect.ValueOf(s).MethodByName(m.Name).Call(args)
		err, _ := out[len(out)-1].Interface().(error)
		call(m.Name, err)
	}
}

// example returns an argument with which a call does something.
func example(t reflect.Type) reflect.Value {
	switch t {
	case reflect.TypeFor[host.InstallSpec]():
		sum := sha256.Sum256([]byte("x"))
		return reflect.ValueOf(host.InstallSpec{Path: "/nowhere/x", Size: 1, SHA256: hex.EncodeToString(sum[:])})
	case reflect.TypeFor[func() (io.ReadCloser, error)]():
		return reflect.ValueOf(func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil })
	}
	return reflect.Zero(t)
}

func TestReadOnlyRefusesEveryChange(t *testing.T) {
	for _, readOnly := range []bool{true, false} {
		s, _ := connect(t, setup{serve: agent.ServeOptions{ReadOnly: readOnly}, wrap: inMemory})
		writers(s, func(name string, err error) {
			if !errors.Is(err, host.ErrReadOnly) {
				t.Errorf("read-only %v: %s: got %v, want %v", readOnly, name, err, host.ErrReadOnly)
			}
		})
		if _, err := s.Kube(t.Context(), host.KubeRequest{Method: "POST", Path: "/api"}); !errors.Is(err, host.ErrReadOnly) {
			t.Errorf("read-only %v: Kube POST: got %v", readOnly, err)
		}
		if _, err := s.Files(t.Context(), []host.FileQuery{{Path: "/etc/passwd"}}); err != nil {
			t.Error(err)
		}
	}
}

// inMemory is a host for calls that would harm this machine.
func inMemory(host.Host) host.Host { return hosttest.New("worker-1") }

func TestArm(t *testing.T) {
	s, _ := connect(t, setup{wrap: inMemory})
	if err := s.Arm(t.Context(), "p"); err == nil {
		t.Error("armed without the lock")
	}
	ro, _ := connect(t, setup{serve: agent.ServeOptions{ReadOnly: true}})
	if err := ro.Lock(t.Context(), host.LockRequest{Run: "r"}); err != nil {
		t.Fatal(err)
	}
	if err := ro.Arm(t.Context(), "p"); !errors.Is(err, host.ErrReadOnly) {
		t.Errorf("arm a read-only agent: got %v", err)
	}
	arm(t, s)
	writers(s, func(name string, err error) {
		if errors.Is(err, host.ErrReadOnly) {
			t.Errorf("%s: got %v once armed", name, err)
		}
	})
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	a, _ := connect(t, setup{dir: dir})
	b, stb := connect(t, setup{dir: dir})
	ctx := t.Context()
	if r, err := b.LockHolder(ctx); r != nil || err != nil {
		t.Fatalf("holder of a free lock: %v, %v", r, err)
	}
	first := host.LockRequest{Run: "r1", Who: "ann@desk", For: "apply"}
	if err := a.Lock(ctx, first); err != nil {
		t.Fatal(err)
	}
	if err := a.Lock(ctx, first); err != nil {
		t.Errorf("lock again: %v", err)
	}
	err := b.Lock(ctx, host.LockRequest{Run: "r2", Who: "bob@desk", For: "apply"})
	var locked *host.LockedError
	if !errors.As(err, &locked) || locked.Holder.Who != "ann@desk" || locked.Holder.Since.IsZero() {
		t.Fatalf("lock what is held: got %v", err)
	}
	if r, err := b.LockHolder(ctx); err != nil || r == nil || r.Run != "r1" {
		t.Errorf("holder: %v, %v", r, err)
	}
	got := make(chan error, 1)
	go func() { got <- b.Lock(ctx, host.LockRequest{Run: "r2", Who: "bob@desk", Wait: 10 * time.Second}) }()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Errorf("wait for the lock: %v", err)
	}
	stb.conn.Close()
	stb.wait(t, 5*time.Second)
	c, _ := connect(t, setup{dir: dir})
	if err := c.Lock(ctx, host.LockRequest{Run: "r3"}); err != nil {
		t.Errorf("lock after the holder was cut off: %v", err)
	}
}

// A gate is a host whose Run and Journal wait until the test lets them go on.
type gate struct {
	host.Host
	entered chan struct{}
	open    chan struct{}
	ended   chan error
}

func newGate() *gate {
	return &gate{entered: make(chan struct{}, 200), open: make(chan struct{}), ended: make(chan error, 200)}
}

func (g *gate) wait(ctx context.Context) error {
	g.entered <- struct{}{}
	var err error
	select {
	case <-g.open:
	case <-ctx.Done():
		err = ctx.Err()
	}
	g.ended <- err
	return err
}

func (g *gate) Run(ctx context.Context, _ []string, _ []byte) ([]byte, error) {
	return nil, g.wait(ctx)
}

func (g *gate) Journal(ctx context.Context, _ string, _ int) ([]string, error) {
	return nil, g.wait(ctx)
}

func (g *gate) over(h host.Host) host.Host { g.Host = h; return g }

func TestCancelReachesTheHandler(t *testing.T) {
	g := newGate()
	s, _ := connect(t, setup{wrap: g.over})
	arm(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	for range 100 { // more than maxWorking
		go s.Journal(ctx, "x.service", 1)
	}
	run, stop := context.WithCancel(t.Context())
	for range 64 {
		<-g.entered
	}
	cancel()
	for range 64 {
		if err := <-g.ended; !errors.Is(err, context.Canceled) {
			t.Fatalf("a handler of a cancelled call ended with %v", err)
		}
	}
	done := make(chan error, 1)
	go func() { _, err := s.Run(run, []string{"x"}, nil); done <- err }()
	<-g.entered
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled call: got %v", err)
	}
	for err := range g.ended {
		if errors.Is(err, context.Canceled) {
			break
		}
	}
}

func TestLeavesWhenTheConnectionEnds(t *testing.T) {
	g := newGate()
	s, st := connect(t, setup{wrap: g.over, serve: agent.ServeOptions{Grace: 100 * time.Millisecond}})
	arm(t, s)
	got := make(chan error, 2)
	go func() { _, err := s.Run(t.Context(), []string{"x"}, nil); got <- err }()
	go func() { _, err := s.Journal(t.Context(), "x.service", 1); got <- err }()
	<-g.entered
	<-g.entered
	begin := time.Now()
	st.conn.Close()
	for range 2 {
		if err := <-got; !errors.Is(err, host.ErrLost) {
			t.Errorf("a call on a cut connection: got %v, want %v", err, host.ErrLost)
		}
	}
	st.wait(t, 5*time.Second)
	if d := time.Since(begin); d < 100*time.Millisecond {
		t.Errorf("it ended after %s, inside a change that had its grace", d)
	}
	if _, err := s.Files(t.Context(), nil); !errors.Is(err, host.ErrLost) {
		t.Errorf("a later call: got %v", err)
	}
	if _, err := s.Facts(t.Context()); !errors.Is(err, host.ErrLost) {
		t.Errorf("facts later: got %v", err)
	}
}

func TestSilence(t *testing.T) {
	g := newGate()
	s, st := connect(t, setup{
		wrap:   g.over,
		serve:  agent.ServeOptions{Silence: 300 * time.Millisecond},
		client: agent.ClientOptions{Beat: time.Hour},
	})
	arm(t, s)
	run := make(chan error, 1)
	go func() { _, err := s.Run(t.Context(), []string{"x"}, nil); run <- err }()
	<-g.entered
	select {
	case err := <-st.served:
		t.Fatalf("it ended inside a change: %v", err)
	case <-time.After(600 * time.Millisecond):
	}
	if err := s.MakeDir(t.Context(), host.DirSpec{Path: filepath.Join(st.dir, "late")}); err == nil {
		t.Error("a change began after the silence")
	}
	close(g.open)
	if err := <-g.ended; err != nil {
		t.Errorf("the change that ran: %v", err)
	}
	// The answer may be lost, because the connection is.
	if err := <-run; err != nil && !errors.Is(err, host.ErrLost) {
		t.Errorf("the call: %v", err)
	}
	if err := st.wait(t, 5*time.Second); !errors.Is(err, agent.ErrSilent) {
		t.Errorf("got %v, want %v", err, agent.ErrSilent)
	}
}

func TestBeatKeepsAlive(t *testing.T) {
	s, st := connect(t, setup{
		serve:  agent.ServeOptions{Silence: 400 * time.Millisecond},
		client: agent.ClientOptions{Beat: 50 * time.Millisecond},
	})
	select {
	case err := <-st.served:
		t.Fatalf("it ended: %v", err)
	case <-time.After(time.Second):
	}
	if _, err := s.Users(t.Context(), []string{"root"}); err != nil {
		t.Error(err)
	}
}

// A connection that swallows what is written to it.
func TestDeadHostIsLost(t *testing.T) {
	st := start(t, setup{})
	var mute atomic.Bool
	s, err := agent.Connect(t.Context(), muted{st.conn, &mute}, agent.ClientOptions{Beat: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	mute.Store(true)
	if _, err := s.Users(t.Context(), []string{"root"}); !errors.Is(err, host.ErrLost) {
		t.Errorf("got %v, want %v", err, host.ErrLost)
	}
}

type muted struct {
	net.Conn
	on *atomic.Bool
}

func (m muted) Write(b []byte) (int, error) {
	if m.on.Load() {
		return len(b), nil
	}
	return m.Conn.Write(b)
}

func TestNoise(t *testing.T) {
	for _, noise := range []string{"", "Welcome!\nLast login: yesterday\n", "no newline", "\x1epmkctl-agent 0\n"} {
		s, _ := connect(t, setup{noise: noise})
		if f, err := s.Facts(t.Context()); err != nil || f.Hostname == "" {
			t.Errorf("after %q: %+v, %v", noise, f, err)
		}
	}
	for _, tt := range []struct{ name, says, want string }{
		{"another program", "sudo: a password is required\n", "a password is required"},
		{"nothing", "", "EOF"},
		{"without end", strings.Repeat("x\n", 1<<16), "more than"},
		{"hello of another build", agent.Magic + "Content-Length: 34\r\n\r\n" + `{"protocol":1,"version":"v0.0.999"}`[:34], "hello"},
		{"huge hello", agent.Magic + "Content-Length: 999999999999\r\n\r\n", "length"},
		{"other version", agent.Magic + "Content-Length: 30\r\n\r\n" + `{"protocol":1,"version":"old"}`, `version "old"`},
	} {
		here, there := net.Pipe()
		go func() { io.WriteString(there, tt.says); there.Close() }()
		_, err := agent.Connect(t.Context(), here, agent.ClientOptions{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want it to hold %q", tt.name, err, tt.want)
		}
	}
}

func TestConnectEndsWithItsContext(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := agent.Connect(ctx, here, agent.ClientOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestErrorsKeepTheirIdentity(t *testing.T) {
	var h fail
	s, _ := connect(t, setup{wrap: func(host.Host) host.Host { return &h }})
	arm(t, s)
	for _, want := range []error{fs.ErrNotExist, fs.ErrPermission, fs.ErrExist, host.ErrReadOnly, host.ErrUnavailable, host.ErrSecret, host.ErrDigest} {
		h.err = fmt.Errorf("do this: %w", &fs.PathError{Op: "open", Path: "/x", Err: want})
		if err := s.Remove(t.Context(), "/x"); !errors.Is(err, want) || err.Error() != h.err.Error() {
			t.Errorf("got %v, want %v", err, h.err)
		}
	}
	h.err = fmt.Errorf("do this: %w", &host.ExitError{Argv: []string{"a", "b"}, Status: 7, Stderr: "no"})
	var exit *host.ExitError
	if err := s.Remove(t.Context(), "/x"); !errors.As(err, &exit) || exit.Status != 7 || exit.Argv[1] != "b" {
		t.Errorf("got %v", err)
	}
}

type fail struct {
	host.Host
	err error
}

func (f *fail) Facts(context.Context) (host.Facts, error) { return host.Facts{}, nil }
func (f *fail) Remove(context.Context, string) error      { return f.err }

func TestInstall(t *testing.T) {
	needsRoot(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	sum := sha256.Sum256(data)
	f := host.InstallSpec{Mode: 0o755, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
	for _, bulk := range []bool{true, false} {
		t.Run(fmt.Sprint("bulk=", bulk), func(t *testing.T) {
			dir := t.TempDir()
			var receivers, sent atomic.Int64
			o := setup{dir: dir}
			if bulk {
				o.client.Bulk = func(ctx context.Context) (io.ReadWriteCloser, error) {
					receivers.Add(1)
					here, there := net.Pipe()
					go func() {
						agent.Receive(context.WithoutCancel(ctx), there, filepath.Join(dir, "state"))
						there.Close()
					}()
					return here, nil
				}
			}
			s, _ := connect(t, o)
			arm(t, s)
			open := func() (io.ReadCloser, error) {
				return io.NopCloser(&counter{bytes.NewReader(data), &sent}), nil
			}
			f := f
			f.Path = filepath.Join(dir, "a")
			if err := s.Install(t.Context(), f, open); err != nil {
				t.Fatal(err)
			}
			f.Path = filepath.Join(dir, "b")
			if err := s.Install(t.Context(), f, open); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"a", "b"} {
				got, err := os.ReadFile(filepath.Join(dir, name))
				st, serr := os.Stat(filepath.Join(dir, name))
				if err != nil || serr != nil || !bytes.Equal(got, data) || st.Mode().Perm() != 0o755 {
					t.Fatalf("%s: %d bytes, %v, %v", name, len(got), err, st.Mode())
				}
			}
			if bulk && receivers.Load() != 1 {
				t.Errorf("%d receivers for two files one after the other", receivers.Load())
			}
			remaining, _ := os.ReadDir(filepath.Join(dir, "state", "incoming"))
			if len(remaining) != 0 {
				t.Errorf("in incoming remain: %v", remaining)
			}

			// The source ends half way: the bytes that came are not sent again.
			f.Path = filepath.Join(dir, "c")
			half := func() (io.ReadCloser, error) {
				return io.NopCloser(io.LimitReader(bytes.NewReader(data), int64(len(data)/2))), nil
			}
			if err := s.Install(t.Context(), f, half); err == nil {
				t.Fatal("installed half a file")
			}
			if _, err := os.Lstat(f.Path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("half a file is there: %v", err)
			}
			waitForSize(t, filepath.Join(dir, "state", "incoming", f.SHA256), int64(len(data)/4))
			sent.Store(0)
			if err := s.Install(t.Context(), f, func() (io.ReadCloser, error) {
				return struct {
					io.ReadSeeker
					io.Closer
				}{&seekCounter{bytes.NewReader(data), &sent}, io.NopCloser(nil)}, nil
			}); err != nil {
				t.Fatal(err)
			}
			if n := sent.Load(); n > int64(len(data))*3/4 {
				t.Errorf("sent %d bytes of %d again", n, len(data))
			}

			// The bytes of an earlier try are others.
			f.Path = filepath.Join(dir, "d")
			os.WriteFile(filepath.Join(dir, "state", "incoming", f.SHA256), []byte("something else"), 0o600)
			if err := s.Install(t.Context(), f, open); err != nil {
				t.Errorf("over a strange rest: %v", err)
			}

			// The source has another digest.
			f.Path = filepath.Join(dir, "e")
			bad := bytes.Clone(data)
			bad[5]++
			err := s.Install(t.Context(), f, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(bad)), nil })
			if !errors.Is(err, host.ErrDigest) {
				t.Errorf("a wrong source: got %v", err)
			}
			if _, err := os.Lstat(f.Path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it is in place: %v", err)
			}

			q, err := s.Files(t.Context(), []host.FileQuery{{Path: filepath.Join(dir, "a"), Digest: true}})
			if err != nil || q[0].SHA256 != f.SHA256 {
				t.Errorf("digest: %+v, %v", q, err)
			}
		})
	}
}

func waitForSize(t *testing.T, path string, size int64) {
	t.Helper()
	for range 200 {
		if st, err := os.Stat(path); err == nil && st.Size() >= size {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s has no %d bytes", path, size)
}

type counter struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}

type seekCounter struct {
	*bytes.Reader
	n *atomic.Int64
}

func (c *seekCounter) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n.Add(int64(n))
	return n, err
}

func (c *seekCounter) WriteTo(io.Writer) (int64, error) { panic("not counted") }

func TestReceiverTakesOnlyWhatWasAnnounced(t *testing.T) {
	dir := t.TempDir()
	os.MkdirAll(filepath.Join(dir, "incoming"), 0o700)
	for _, digest := range []string{strings.Repeat("a", 64), "../../etc/passwd", ""} {
		here, there := net.Pipe()
		done := make(chan error, 1)
		go func() { done <- agent.Receive(t.Context(), there, dir); there.Close() }()
		go io.Copy(io.Discard, here)
		fmt.Fprintf(here, `{"size":3,"sha256":%q}`+"\n", digest)
		if err := <-done; err == nil {
			t.Errorf("%q was received", digest)
		}
	}
}

func TestFactsAreFree(t *testing.T) {
	var calls atomic.Int64
	s, _ := connect(t, setup{client: agent.ClientOptions{Trace: func(string, time.Duration, error) { calls.Add(1) }}})
	a, err := s.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	b, _ := s.Facts(t.Context())
	if d := b.Now.Sub(a.Now); d < 20*time.Millisecond || calls.Load() != 0 {
		t.Errorf("the clock moved by %s, with %d calls", d, calls.Load())
	}
	if s.Identity().Agent != agent.Version {
		t.Errorf("identity %+v", s.Identity())
	}
}

func TestProbeLock(t *testing.T) {
	dir := t.TempDir()
	var p prober
	a, _ := connect(t, setup{dir: dir, wrap: p.over})
	b, _ := connect(t, setup{dir: dir, wrap: p.over})
	ctx := t.Context()
	if _, err := a.ProbeListen(ctx, host.ListenRequest{ID: "1"}); err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	go func() { _, err := b.ProbeListen(ctx, host.ListenRequest{ID: "2"}); second <- err }()
	select {
	case err := <-second:
		t.Fatalf("two rounds at once: %v", err)
	case <-time.After(250 * time.Millisecond):
	}
	if _, err := a.ProbeEnd(ctx, "1"); err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	b.Close() // without ProbeEnd
	if n := p.ends.Load(); n != 2 {
		t.Errorf("%d rounds ended, want 2", n)
	}
	if _, err := a.ProbeListen(ctx, host.ListenRequest{ID: "3"}); err != nil {
		t.Errorf("after a round without an end: %v", err)
	}
}

type prober struct {
	host.Host
	ends atomic.Int64
}

func (p *prober) over(h host.Host) host.Host { return &proberOver{h, p} }

type proberOver struct {
	host.Host
	p *prober
}

func (p *proberOver) ProbeListen(context.Context, host.ListenRequest) ([]host.Bind, error) {
	return nil, nil
}

func (p *proberOver) ProbeEnd(context.Context, string) ([]host.Arrival, error) {
	p.p.ends.Add(1)
	return nil, nil
}

func BenchmarkFiles(b *testing.B) {
	here, there := net.Pipe()
	h := oshost.New(oshost.Options{StateDir: b.TempDir()})
	defer h.Close()
	go agent.Serve(context.Background(), h, there, agent.ServeOptions{RunDir: b.TempDir(), StateDir: b.TempDir()})
	s, err := agent.Connect(b.Context(), here, agent.ClientOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var q []host.FileQuery
	for i := range 40 {
		p := filepath.Join(b.TempDir(), fmt.Sprint(i))
		os.WriteFile(p, bytes.Repeat([]byte("line of text\n"), 100), 0o644)
		q = append(q, host.FileQuery{Path: p, Content: true})
	}
	for b.Loop() {
		if _, err := s.Files(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}

// needsRoot skips a test that writes files with the default owner if it is
// not root.
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: it gives files to root")
	}
}

// A message that takes longer than the longest silence is no silence.
func TestSlowLine(t *testing.T) {
	needsRoot(t)
	var rate atomic.Int64
	st := start(t, setup{serve: agent.ServeOptions{Silence: 300 * time.Millisecond}})
	s, err := agent.Connect(t.Context(), slow{st.conn, &rate}, agent.ClientOptions{Beat: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	arm(t, s)
	rate.Store(1) // 32 KiB in 40 ms: the file takes 1.7 s
	path := filepath.Join(st.dir, "f")
	if err := s.WriteFile(t.Context(), host.FileSpec{Path: path, Mode: 0o644, Content: make([]byte, 1<<20)}); err != nil {
		t.Fatal(err)
	}
}

type slow struct {
	net.Conn
	on *atomic.Int64
}

func (s slow) Write(b []byte) (int, error) {
	if s.on.Load() > 0 && len(b) > 1000 {
		time.Sleep(40 * time.Millisecond)
	}
	return s.Conn.Write(b)
}
