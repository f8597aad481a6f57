//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/lab"
	"github.com/pmkctl/pmkctl/lab/check"
	"github.com/pmkctl/pmkctl/lab/components"
)

// A suite is shared by all tests.
var suite struct {
	root   string // of the repository
	cache  string
	pmkctl string // a copy of bin/pmkctl, because a build during the tests would change the agent
}

func TestMain(m *testing.M) {
	code, err := prepared(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// prepared gets the components, makes three hosts, and runs the tests.
func prepared(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if suite.root, err = lab.FindRoot("."); err != nil {
		return 0, err
	}
	if suite.cache, err = components.DefaultDir(); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "pmkctl-e2e-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	suite.pmkctl = filepath.Join(dir, "pmkctl")
	if err := copyFile(filepath.Join(suite.root, "bin", "pmkctl"), suite.pmkctl, 0o755); err != nil {
		return 0, fmt.Errorf("make build first: %w", err)
	}
	release, err := lab.Reserve(ctx, os.Stderr)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := lab.Up(ctx, suite.root, suite.cache, 3, os.Stderr); err != nil {
		return 0, err
	}
	set, err := components.Get(ctx, suite.root, suite.cache, os.Stderr)
	if err != nil {
		return 0, err
	}
	if err := set.Publish(suite.root); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

func copyFile(from, to string, mode os.FileMode) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, mode)
}

// up brings the lab to n hosts and returns it. If the lab does not start, the
// test fails.
func up(t *testing.T, n int) *lab.Lab {
	t.Helper()
	must(t, lab.Up(t.Context(), suite.root, suite.cache, n, os.Stderr))
	return open(t)
}

// bare recreates the lab with three hosts.
func bare(t *testing.T) *lab.Lab {
	t.Helper()
	must(t, lab.Renew(t.Context(), suite.root, suite.cache, 3, os.Stderr))
	return open(t)
}

func open(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.Open(suite.root)
	must(t, err)
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func hostOf(t *testing.T, l *lab.Lab, name string) lab.Host {
	t.Helper()
	h, err := l.Host(name)
	must(t, err)
	return h
}

// on runs a command on a host as root.
func on(t *testing.T, h lab.Host, argv ...string) string {
	t.Helper()
	out, err := h.Exec(t.Context(), argv...)
	must(t, err)
	return out
}

// A finished run of pmkctl.
type finished struct {
	args           []string
	code           int
	stdout, stderr string
	took           time.Duration
}

// labSpec returns the spec of make demo.
func labSpec() string { return filepath.Join(suite.root, "examples", "lab") }

// pmkctl runs the command until it ends. No run may take longer than runLimit.
func pmkctl(t *testing.T, args ...string) finished {
	t.Helper()
	r := start(t, args...)
	return r.wait()
}

const runLimit = 5 * time.Minute

// A running pmkctl.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	args   []string
	began  time.Time
	stdout bytes.Buffer
	done   chan struct{}

	mu     sync.Mutex
	stderr strings.Builder
	lines  chan struct{} // a token for each new line on stderr
}

// start starts pmkctl. It is killed at the end of the test.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	r := &running{t: t, args: args, began: time.Now(), done: make(chan struct{}), lines: make(chan struct{}, 1)}
	r.cmd = exec.CommandContext(ctx, suite.pmkctl, args...)
	r.cmd.Env = append(os.Environ(), "NO_COLOR=1")
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, r
	must(t, r.cmd.Start())
	go func() {
		defer cancel()
		defer close(r.done)
		_ = r.cmd.Wait() // the exit code is enough
	}()
	t.Cleanup(func() { cancel(); <-r.done })
	return r
}

// Write receives pmkctl's standard error.
func (r *running) Write(b []byte) (int, error) {
	r.mu.Lock()
	r.stderr.Write(b)
	r.mu.Unlock()
	select {
	case r.lines <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (r *running) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stderr.String()
}

// until waits for n lines on standard error that begin with prefix. It returns
// false if the run ends before.
func (r *running) until(n int, prefix string) bool {
	for {
		if strings.Count("\n"+r.said(), "\n"+prefix) >= n {
			return true
		}
		select {
		case <-r.lines:
		case <-r.done:
			return strings.Count("\n"+r.said(), "\n"+prefix) >= n
		}
	}
}

func (r *running) wait() finished {
	<-r.done
	return finished{r.args, r.cmd.ProcessState.ExitCode(), r.stdout.String(), r.said(), time.Since(r.began)}
}

func (f finished) String() string {
	return fmt.Sprintf("pmkctl %s (%.1f s): exit %d\n--- stdout\n%s\n--- stderr\n%s", strings.Join(f.args, " "),
		f.took.Seconds(), f.code, tail(f.stdout), tail(f.stderr))
}

func tail(s string) string {
	const most = 6000
	if len(s) > most {
		return "...\n" + s[len(s)-most:]
	}
	return s
}

// want fails the test unless the run ended with this exit code.
func (f finished) want(t *testing.T, code int) finished {
	t.Helper()
	if f.code != code {
		t.Fatalf("want exit %d, but %v", code, f)
	}
	return f
}

// holds fails the test unless each text is in stdout or stderr.
func (f finished) holds(t *testing.T, texts ...string) finished {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(f.stdout+f.stderr, text) {
			t.Errorf("there is no %q in %v", text, f)
		}
	}
	return f
}

func (f finished) lacks(t *testing.T, texts ...string) finished {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(f.stdout+f.stderr, text) {
			t.Errorf("there is %q in %v", text, f)
		}
	}
	return f
}

// apply applies the spec, and fails the test unless it is complete.
func apply(t *testing.T, spec string) finished {
	t.Helper()
	return pmkctl(t, "apply", "-auto-approve", spec).want(t, 0)
}

// noChanges fails the test unless plan finds nothing to do.
func noChanges(t *testing.T, spec string) {
	t.Helper()
	pmkctl(t, "plan", "-detailed-exitcode", spec).want(t, 0).holds(t, "No changes")
}

// kubectl returns access to the cluster.
func kubectl(t *testing.T) check.Kubectl {
	t.Helper()
	file := filepath.Join(suite.root, lab.KubeconfigFile)
	pmkctl(t, "kubeconfig", "-out="+file, labSpec()).want(t, 0)
	return check.Kubectl{Program: filepath.Join(suite.root, lab.KubectlFile), Kubeconfig: file}
}

// works fails the test unless Kubernetes itself reports that the cluster works.
func works(t *testing.T, l *lab.Lab) {
	t.Helper()
	var out bytes.Buffer
	err := check.Cluster(t.Context(), kubectl(t), l.Hosts(), io.Writer(&out))
	t.Log(out.String())
	must(t, err)
}

// variant writes a variant of the spec of make demo, which is deleted at the
// end of the test.
func variant(t *testing.T, l *lab.Lab, v lab.Variant) string {
	t.Helper()
	dir, err := l.Spec(v)
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
