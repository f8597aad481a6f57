package oshost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// searchPath is root's search path, whatever the session's is.
var searchPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

const (
	maxOutput = 1 << 20 // bytes of standard output
	maxStderr = 8 << 10 // its last bytes are kept
)

// children are the running programs, which end when the host is closed.
type children struct {
	mu      sync.Mutex
	running map[*exec.Cmd]bool
	closed  bool
}

func (c *children) start(cmd *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errors.New("the host is closed")
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.running[cmd] = true
	return nil
}

func (c *children) ended(cmd *exec.Cmd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, cmd)
}

// kill ends all of them and lets no more start.
func (c *children) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for cmd := range c.running {
		_ = killGroup(cmd) // it may have ended by itself
	}
}

func killGroup(cmd *exec.Cmd) error {
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// program returns the path of a program; "" if it is missing.
func program(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	for _, dir := range searchPath {
		p := filepath.Join(dir, name)
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return p
		}
	}
	return ""
}

// Programs finds programs.
func (h *Host) Programs(_ context.Context, names []string) ([]host.Program, error) {
	found := make([]host.Program, len(names))
	for i, n := range names {
		found[i].Name = n
		if n != "" && !strings.Contains(n, "/") {
			found[i].Path = program(n)
		}
	}
	return found, nil
}

// Run runs a program. Output that contains a private key is refused.
func (h *Host) Run(ctx context.Context, argv []string, stdin []byte) ([]byte, error) {
	out, err := h.run(ctx, argv, stdin)
	if isSecret(out) {
		return nil, fmt.Errorf("run %s: %w", argv[0], host.ErrSecret)
	}
	if e := (*host.ExitError)(nil); errors.As(err, &e) && isSecret([]byte(e.Stderr)) {
		e.Stderr = "(sensitive)"
	}
	return out, err
}

func (h *Host) run(ctx context.Context, argv []string, stdin []byte) ([]byte, error) {
	if len(argv) == 0 || argv[0] == "" {
		return nil, errors.New("run: no program was named")
	}
	path := program(argv[0])
	if path == "" {
		return nil, fmt.Errorf("run %s: %w", argv[0], fs.ErrNotExist)
	}
	cmd := exec.CommandContext(ctx, path, argv[1:]...)
	cmd.Env = []string{"PATH=" + strings.Join(searchPath, ":"), "HOME=/root", "LANG=C.UTF-8", "LC_ALL=C.UTF-8"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return killGroup(cmd) }
	cmd.WaitDelay = time.Second // a grandchild may hold the pipes open
	cmd.Stdin = bytes.NewReader(stdin)
	var out head
	var errs tail
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := h.children.start(cmd); err != nil {
		return nil, fmt.Errorf("run %s: %w", argv[0], err)
	}
	err := cmd.Wait()
	h.children.ended(cmd)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("run %s: %w", argv[0], ctx.Err())
	}
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		return out.b, &host.ExitError{Argv: argv, Status: status(e), Stderr: string(errs.b)}
	}
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return nil, fmt.Errorf("run %s: %w", argv[0], err)
	}
	if out.more {
		return nil, fmt.Errorf("run %s: it printed more than %d bytes", argv[0], maxOutput)
	}
	return out.b, nil
}

// status returns the exit status as a shell reports it.
func status(e *exec.ExitError) int {
	if w, ok := e.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return e.ExitCode()
}

// head keeps the first maxOutput bytes.
type head struct {
	b    []byte
	more bool
}

func (h *head) Write(b []byte) (int, error) {
	room := maxOutput - len(h.b)
	h.more = h.more || len(b) > room
	h.b = append(h.b, b[:min(len(b), room)]...)
	return len(b), nil
}

// tail keeps the last maxStderr bytes.
type tail struct{ b []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.b = append(t.b, b...)
	if len(t.b) > maxStderr {
		t.b = append(t.b[:0], t.b[len(t.b)-maxStderr:]...)
	}
	return len(b), nil
}
