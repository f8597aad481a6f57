package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/pmkctl/pmkctl/host/hosttest"
)

// TestReaderThatGoesAway: the reader of standard output and error ends in the
// middle of an apply. All steps are done and recorded, and the exit code is
// that of the run.
func TestReaderThatGoesAway(t *testing.T) {
	tests := []struct {
		name string
		args []string
	}{
		{"people", nil},
		{"-json", []string{"-json"}},
		{"-events", []string{"-events=/dev/fd/2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := testWorld(t, "cp-1", "worker-1")
			began, release := holdStart(t, w.hosts[1].Host, "containerd.service")
			end := w.piped(t, append([]string{"apply", "-auto-approve"}, tt.args...)...)
			reached(t, began)
			end.reader.Close()
			close(release)
			if code := end.code(); code != exitDone {
				t.Errorf("exit code %d", code)
			}
			journal := string(w.hosts[1].Peek("/var/lib/pmkctl/journal.jsonl"))
			for _, step := range []string{"containerd", "kubelet", "kube-proxy"} {
				if !strings.Contains(journal, `"step":"`+step+`.worker-1","what":"done"`) {
					t.Errorf("%s is not done; the journal says:\n%s", step, journal)
				}
			}
			w.pmkctl(t, "plan", "-detailed-exitcode").exits(exitDone)
		})
	}
}

// TestReaderThatGoesAwayFromAFailure: the exit code is that of the run here as
// well.
func TestReaderThatGoesAwayFromAFailure(t *testing.T) {
	w := testWorld(t, "cp-1")
	began, release := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(began) })
	w.hosts[0].OnStart("containerd.service", func(*hosttest.Host) error {
		begin()
		<-release
		return errors.New("it does not start")
	})
	end := w.piped(t, "apply", "-auto-approve")
	reached(t, began)
	end.reader.Close()
	close(release)
	if code := end.code(); code != exitIncomplete {
		t.Errorf("exit code %d, want %d", code, exitIncomplete)
	}
}

// A pipedRun is pmkctl with one pipe as standard output and error.
type pipedRun struct {
	*exec.Cmd
	reader *os.File
}

func (w *world) piped(t *testing.T, args ...string) *pipedRun {
	t.Helper()
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p := &pipedRun{exec.Command("pmkctl", args...), r}
	p.Dir, p.Stdout, p.Stderr = w.dir, out, out
	p.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.path("home")}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, r) }() // until the test closes it
	return p
}

func (p *pipedRun) code() int {
	_ = p.Wait() // code returns it
	return p.ProcessState.ExitCode()
}

// TestOutputThatFails: the result of an apply cannot be written, for example
// because the disk is full. The run ends as usual, and reports the error.
func TestOutputThatFails(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start error
		code  int
		says  []string
	}{
		{"done", nil, exitFailed, []string{"no space"}},
		{"incomplete", errors.New("it does not start"), exitIncomplete, []string{"no space", "apply is incomplete"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := testWorld(t, "cp-1")
			w.hosts[0].OnStart("containerd.service", func(*hosttest.Host) error { return tt.start })
			t.Setenv("XDG_CACHE_HOME", t.TempDir())
			var shown bytes.Buffer
			code := execute([]string{"apply", "-auto-approve", "-quiet", w.dir}, streams{strings.NewReader(""), &full{before: "Apply: "}, &shown})
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, text := range tt.says {
				if !strings.Contains(shown.String(), text) {
					t.Errorf("want %q in:\n%s", text, &shown)
				}
			}
		})
	}
}

// full is an output that fails as soon as it gets a certain text.
type full struct{ before string }

func (f full) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(f.before)) {
		return 0, errors.New("no space")
	}
	return len(b), nil
}
