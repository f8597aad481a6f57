package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/sshhost/sshtest"
)

// A process is a running pmkctl, for tests that act while it runs.
type process struct {
	*exec.Cmd
	t      *testing.T
	human  *os.File // the other end of its standard input, a terminal
	out    bytes.Buffer
	shown  output // standard error
	waited bool
}

// output can be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// testWorld returns a world with bare hosts.
func testWorld(t *testing.T, names ...string) *world {
	t.Helper()
	w, err := newWorld(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	for _, name := range names {
		if _, err := w.start(name, login{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// pmkctl starts the command, at a terminal, in the world's folder.
func (w *world) pmkctl(t *testing.T, args ...string) *process {
	t.Helper()
	program, human, err := openTerminal(100)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command("pmkctl", args...), t: t, human: human, shown: output{more: make(chan struct{}, 1)}}
	p.Dir, p.Stdin, p.Stdout, p.Stderr = w.dir, program, &p.out, &p.shown
	p.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.path("home"), "TERM=xterm"}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	program.Close()
	t.Cleanup(func() {
		human.Close()
		if !p.waited {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
	})
	return p
}

// deadline is a time that no step of these tests needs.
const deadline = 30 * time.Second

// until waits for text on standard error.
func (p *process) until(text string) {
	p.t.Helper()
	limit := time.After(deadline)
	for !strings.Contains(p.shown.String(), text) {
		select {
		case <-p.shown.more:
		case <-limit:
			p.t.Fatalf("waited in vain for %q in:\n%s", text, &p.shown)
		}
	}
}

// exits waits for the end and checks the exit code.
func (p *process) exits(code int) {
	p.t.Helper()
	p.waited = true
	_ = p.Wait() // the code says it
	if got := p.ProcessState.ExitCode(); got != code {
		p.t.Fatalf("exit code %d, want %d\n%s\n%s", got, code, tail(p.out.String()), &p.shown)
	}
}

func (p *process) interrupt() {
	p.t.Helper()
	if err := p.Process.Signal(syscall.SIGINT); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) answer(text string) {
	p.t.Helper()
	if _, err := p.human.WriteString(text + "\n"); err != nil {
		p.t.Fatal(err)
	}
}

// holdStart makes starts of a unit wait for release. began is closed at the
// first one.
func holdStart(t *testing.T, h *hosttest.Host, unit string) (began, release chan struct{}) {
	began, release = make(chan struct{}), make(chan struct{})
	var once sync.Once
	h.OnStart(unit, func(*hosttest.Host) error {
		once.Do(func() { close(began) })
		<-release
		return nil
	})
	return began, release
}

func reached(t *testing.T, what <-chan struct{}) {
	t.Helper()
	select {
	case <-what:
	case <-time.After(deadline):
		t.Fatal("it did not come to that")
	}
}

// TestHostsChangeWhileAHumanThinks: if the hosts changed before the approval,
// nothing is done.
func TestHostsChangeWhileAHumanThinks(t *testing.T) {
	tests := []struct {
		name   string
		change func(h *fakeHost)
		code   int
		says   string
	}{
		{"a file of the plan", func(h *fakeHost) { h.consoleWrite("/etc/sysctl.d/90-pmkctl.conf", "theirs\n", 0o644) },
			exitRefused, "the hosts changed after the plan was shown: kernel.worker-1"},
		{"something else", func(h *fakeHost) { h.consoleWrite("/etc/motd", "hello\n", 0o644) }, exitDone, ""},
		{"a check that passed", func(h *fakeHost) {
			h.Listen(host.Socket{Proto: "tcp", Addr: "0.0.0.0", Port: 10250, PID: 123, Process: "python3"})
		}, exitPreflight, "preflight failed"},
		{"a lock", func(h *fakeHost) { _ = h.lock() }, exitRefused, "locked by bob@desk"},
		{"the host is gone", func(h *fakeHost) { h.server.Cut() }, exitUnreachable, "connection lost"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := testWorld(t, "cp-1", "worker-1")
			p := w.pmkctl(t, "apply", "-lock-timeout=0s")
			p.until(`Only "yes" is accepted`)
			tt.change(w.hosts[1])
			p.answer("yes")
			p.exits(tt.code)
			if !strings.Contains(p.shown.String(), tt.says) {
				t.Errorf("want %q in:\n%s", tt.says, &p.shown)
			}
			if log := w.changes(""); (log != "") != (tt.code == exitDone) {
				t.Errorf("changes:\n%s", log)
			}
		})
	}
}

// TestLocksAreFreeWhileAHumanThinks: two users may read a plan at the same
// time.
func TestLocksAreFreeWhileAHumanThinks(t *testing.T) {
	w := testWorld(t, "cp-1")
	p := w.pmkctl(t, "apply")
	p.until(`Only "yes" is accepted`)
	other := w.pmkctl(t, "apply", "-auto-approve", "-lock-timeout=0s")
	other.exits(exitDone)
	p.answer("yes")
	p.exits(exitRefused)
	if !strings.Contains(p.shown.String(), "the hosts changed after the plan was shown") {
		t.Error(p.shown.String())
	}
}

// TestInterruptFinishesTheStepsUnderWay: no other steps begin, and the next run
// goes on where this one stopped.
func TestInterruptFinishesTheStepsUnderWay(t *testing.T) {
	w := testWorld(t, "cp-1", "worker-1")
	began, release := holdStart(t, w.hosts[1].Host, "containerd.service")
	p := w.pmkctl(t, "apply", "-auto-approve")
	reached(t, began)
	p.interrupt()
	p.until("Interrupted: finishing the steps under way; once more to cut them off.")
	close(release)
	p.exits(exitInterrupted)
	if text := p.shown.String(); !strings.Contains(text, "ok containerd.worker-1") {
		t.Errorf("the step under way was not finished:\n%s", text)
	}
	if text := p.out.String(); !strings.Contains(text, "(interrupted)") || !strings.Contains(text, "0 failed") {
		t.Errorf("the summary does not say what remains:\n%s", tail(text))
	}
	journal := string(w.hosts[1].Peek("/var/lib/pmkctl/journal.jsonl"))
	if !strings.Contains(journal, `"step":"containerd.worker-1","what":"done"`) || strings.Contains(journal, "kubelet.worker-1") {
		t.Errorf("the journal says:\n%s", journal)
	}
	w.pmkctl(t, "apply", "-auto-approve").exits(exitDone)
	w.pmkctl(t, "plan", "-detailed-exitcode").exits(exitDone)
}

// TestSecondInterruptCutsOff: the running steps are cancelled at once, and the
// next run goes on.
func TestSecondInterruptCutsOff(t *testing.T) {
	w := testWorld(t, "cp-1", "worker-1")
	began, release := holdStart(t, w.hosts[1].Host, "containerd.service")
	p := w.pmkctl(t, "apply", "-auto-approve")
	reached(t, began)
	p.interrupt()
	p.until("once more to cut them off")
	p.interrupt()
	p.exits(exitInterrupted)
	if text := p.shown.String(); !strings.Contains(text, "failed containerd.worker-1") {
		t.Errorf("the step was not cut off:\n%s", text)
	}
	close(release)
	w.pmkctl(t, "apply", "-auto-approve").exits(exitDone)
	w.pmkctl(t, "plan", "-detailed-exitcode").exits(exitDone)
}

// TestInterruptBeforeChanges: the run ends at once, because no step is running.
func TestInterruptBeforeChanges(t *testing.T) {
	t.Run("at the prompt", func(t *testing.T) {
		w := testWorld(t, "cp-1")
		p := w.pmkctl(t, "apply")
		p.until(`Only "yes" is accepted`)
		p.interrupt()
		p.exits(exitInterrupted)
		if log := w.changes(""); log != "" {
			t.Errorf("changes:\n%s", log)
		}
	})
	t.Run("while checking", func(t *testing.T) {
		w := testWorld(t, "cp-1")
		began, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		w.hosts[0].FailOn(func(method, _ string) error {
			if method == "Sysctls" {
				once.Do(func() { close(began) })
				<-release
			}
			return nil
		})
		p := w.pmkctl(t, "plan")
		reached(t, began)
		p.interrupt()
		p.exits(exitInterrupted)
		close(release)
	})
	t.Run("while connecting", func(t *testing.T) {
		w := testWorld(t, "cp-1")
		w.hosts[0].server.SetFault(sshtest.Fault{Mute: true})
		p := w.pmkctl(t, "plan")
		for limit := time.Now().Add(deadline); w.hosts[0].server.Record().Connections == 0 && time.Now().Before(limit); {
			runtime.Gosched()
		}
		p.interrupt()
		p.exits(exitInterrupted)
	})
}

// TestKilled kills pmkctl at every point of a run. The next run always ends as
// if there had been no first one.
func TestKilled(t *testing.T) {
	for _, unit := range []string{"etcd.service", "kube-apiserver.service", "kubelet.service", "kube-proxy.service"} {
		t.Run(unit, func(t *testing.T) {
			t.Parallel()
			w := testWorld(t, "cp-1", "worker-1")
			began, release := holdStart(t, w.hosts[0].Host, unit)
			p := w.pmkctl(t, "apply", "-auto-approve")
			reached(t, began)
			if err := p.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			p.exits(-1)
			close(release)
			w.pmkctl(t, "apply", "-auto-approve").exits(exitDone)
			w.pmkctl(t, "plan", "-detailed-exitcode").exits(exitDone)
		})
	}
}

func tail(text string) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

func ctx() context.Context { return context.Background() }
