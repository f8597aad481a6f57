package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// The test's own executable is the agent of these tests. It keeps its files
// in the directory that this environment variable names.
const agentDir = "PMKCTL_TEST_AGENT_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(agentDir); dir != "" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, ServeOptions{
			RunDir: filepath.Join(dir, "run"), StateDir: filepath.Join(dir, "state"), Grace: 200 * time.Millisecond,
		}))
	}
	os.Exit(m.Run())
}

// A process is an agent's process and the pipes to it.
type process struct {
	*exec.Cmd
	io.Reader
	io.WriteCloser
	ended chan error
}

func agentProcess(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), ended: make(chan error, 1)}
	p.Env = append(os.Environ(), agentDir+"="+t.TempDir())
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.WriteCloser, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	p.Reader = out
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _, err := p.Process.Wait(); p.ended <- err }()
	t.Cleanup(func() { p.Process.Kill() })
	return p
}

func (p *process) wait(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the agent is still there")
	}
}

func armed(t *testing.T, p *process) host.Session {
	t.Helper()
	s, err := Connect(t.Context(), p, ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Lock(t.Context(), host.LockRequest{Run: "r"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Arm(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	return s
}

// sleeper has the agent start a program that keeps running, and returns its
// pid.
func sleeper(t *testing.T, s host.Session) int {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pid")
	go s.Run(context.Background(), []string{"sh", "-c", "echo $$ > " + file + "; exec sleep 600"}, nil)
	for range 1000 {
		b, _ := os.ReadFile(file)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			return pid
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the program did not start")
	return 0
}

func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	for range 1000 {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(b), ") Z ") {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	t.Errorf("process %d outlived the agent", pid)
}

// The agent ends when its caller does, and so do the programs it started.
func TestProcessEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*process)
	}{
		{"input ends", func(p *process) { p.WriteCloser.Close() }},
		{"terminated", func(p *process) { p.Process.Signal(syscall.SIGTERM) }},
		{"killed", func(p *process) { p.Process.Kill() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := agentProcess(t, ServeArgs...)
			s := armed(t, p)
			pid := sleeper(t, s)
			tt.end(p)
			p.wait(t)
			awaitEnd(t, pid)
			if _, err := s.Users(t.Context(), []string{"root"}); !errors.Is(err, host.ErrLost) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The caller stops reading and then ends.
func TestProcessEndsWithAStuckReader(t *testing.T) {
	p := agentProcess(t, ReadOnlyArgs...)
	line := make([]byte, len(Magic))
	if _, err := io.ReadFull(p, line); err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		call := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"Files","params":{"Queries":[{"path":"/etc/passwd","content":true}]}}`, i)
		if _, err := p.Write(appendFrame(nil, []byte(call))); err != nil {
			t.Fatal(err)
		}
	}
	p.WriteCloser.Close()
	p.wait(t)
}

func TestProcessReadOnly(t *testing.T) {
	p := agentProcess(t, ReadOnlyArgs...)
	s, err := Connect(t.Context(), p, ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Lock(t.Context(), host.LockRequest{Run: "r"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Arm(t.Context(), "p"); !errors.Is(err, host.ErrReadOnly) {
		t.Errorf("got %v", err)
	}
	s.Close()
	p.wait(t)
}

func TestProcessReceives(t *testing.T) {
	p := agentProcess(t, ReceiveArgs...)
	line := make([]byte, len(Magic))
	if _, err := io.ReadFull(p, line); err != nil || string(line) != Magic {
		t.Fatalf("%q, %v", line, err)
	}
	p.WriteCloser.Close()
	p.wait(t)
}

func TestUnknownArguments(t *testing.T) {
	for _, args := range [][]string{{"agent", "-x"}, {"agent", "receive", "x"}, nil} {
		if got := run(t.Context(), args, nil, nil, ServeOptions{}); got != 1 {
			t.Errorf("%v: got %d", args, got)
		}
	}
}
