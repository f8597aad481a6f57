package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host/oshost"
)

// Main is the agent's process. args are the arguments after the executable's
// name: ServeArgs, ReadOnlyArgs or ReceiveArgs. It returns the exit status.
func Main(ctx context.Context, args []string, stdin, stdout *os.File) int {
	return run(ctx, args, stdin, stdout, ServeOptions{})
}

func run(ctx context.Context, args []string, stdin, stdout *os.File, o ServeOptions) int {
	var serve func(context.Context, io.ReadWriteCloser) error
	switch {
	case slices.Equal(args, ServeArgs):
		serve = func(ctx context.Context, rw io.ReadWriteCloser) error { return serveThis(ctx, rw, o) }
	case slices.Equal(args, ReadOnlyArgs):
		o.ReadOnly = true
		serve = func(ctx context.Context, rw io.ReadWriteCloser) error { return serveThis(ctx, rw, o) }
	case slices.Equal(args, ReceiveArgs):
		serve = func(ctx context.Context, rw io.ReadWriteCloser) error { return Receive(ctx, rw, o.StateDir) }
	default:
		fmt.Fprintln(os.Stderr, "pmkctl agent [-read-only | receive] is started by pmkctl itself")
		return 1
	}
	// The agent must not die inside a change because the caller did.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	syscall.Umask(0o022)

	rw, err := standard(stdin, stdout)
	if err == nil {
		o.HungUp = hangup(rw.fd)
		err = serve(ctx, rw)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		fmt.Fprintln(os.Stderr, "pmkctl agent:", err)
		return 1
	}
	return 0
}

func serveThis(ctx context.Context, rw io.ReadWriteCloser, o ServeOptions) error {
	h := oshost.New(oshost.Options{StateDir: o.StateDir})
	defer h.Close()
	return Serve(ctx, h, rw, o)
}

// stdio is standard input and output as one connection.
type stdio struct {
	in, out *os.File
	fd      int // of in; File.Fd would make it blocking again
}

// standard makes both files known to the runtime's poller, so that Close ends
// a Read that waits.
func standard(stdin, stdout *os.File) (*stdio, error) {
	c := stdio{fd: int(stdin.Fd())}
	for _, f := range []struct {
		to   **os.File
		from *os.File
	}{{&c.in, stdin}, {&c.out, stdout}} {
		fd := int(f.from.Fd())
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, fmt.Errorf("prepare %s: %w", f.from.Name(), err)
		}
		*f.to = os.NewFile(uintptr(fd), f.from.Name())
	}
	return &c, nil
}

func (c *stdio) Read(b []byte) (int, error)  { return c.in.Read(b) }
func (c *stdio) Write(b []byte) (int, error) { return c.out.Write(b) }

func (c *stdio) Close() error {
	return errors.Join(c.in.Close(), c.out.Close())
}

// hangup returns a channel that is closed when the other side of fd is. A
// reader that is blocked elsewhere would not notice that.
func hangup(fd int) <-chan struct{} {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		for {
			n, err := unix.Poll(p, -1)
			if err == nil && n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
	return closed
}
