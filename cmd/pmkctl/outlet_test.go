package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOutletNeverReadIsGivenUp: a run ends even if no program opens the pipe or
// reads from it.
func TestOutletNeverReadIsGivenUp(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	end := func(bytes int) error {
		o, err := openOutlet(pipe)
		if err != nil {
			t.Fatal(err)
		}
		o.patience = 100 * time.Millisecond
		o.put([]byte(strings.Repeat("x", bytes)))
		return o.close()
	}
	if err := end(10); err == nil || !strings.Contains(err.Error(), "nobody read for 100ms") {
		t.Errorf("without a reader: %v", err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := end(1 << 20); err == nil || !strings.Contains(err.Error(), "nobody read for 100ms") {
		t.Errorf("with a reader who takes nothing: %v", err)
	}
}

// TestOutletWaitsForASlowReader: no event is lost while the reader reads.
func TestOutletWaitsForASlowReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	o := newOutlet(w)
	o.file, o.patience = "pipe", 200*time.Millisecond
	want := bytes.Repeat([]byte("0123456789\n"), 20_000)
	for line := range bytes.Lines(want) {
		o.put(line)
	}
	got := make(chan []byte)
	go func() {
		var all []byte
		for b := make([]byte, 8192); ; time.Sleep(20 * time.Millisecond) { // 0.5 s in all
			n, err := r.Read(b)
			all = append(all, b[:n]...)
			if err != nil {
				break
			}
		}
		got <- all
	}()
	if err := o.close(); err != nil {
		t.Fatal(err)
	}
	if all := <-got; !bytes.Equal(all, want) {
		t.Errorf("got %d bytes, want %d", len(all), len(want))
	}
}

// TestOutletReturnsErrors: after an error, an outlet takes no more lines.
func TestOutletReturnsErrors(t *testing.T) {
	full := errors.New("full")
	o := newOutlet(failing{full})
	o.put([]byte("x\n"))
	<-o.done
	o.put([]byte("y\n"))
	if err := o.close(); !errors.Is(err, full) || o.pending != nil {
		t.Errorf("got %v, %q pending", err, o.pending)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
func (f failing) Close() error              { return nil }

// TestEventsOfAnInterruptedRun: the last line is written, whichever signal ends
// the run. SIGTERM and SIGHUP count as interrupts.
func TestEventsOfAnInterruptedRun(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			w := testWorld(t, "cp-1", "worker-1")
			began, release := holdStart(t, w.hosts[1].Host, "containerd.service")
			p := w.pmkctl(t, "apply", "-auto-approve", "-events=e.jsonl")
			reached(t, began)
			if err := p.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			p.until("Interrupted: finishing the steps under way")
			close(release)
			p.exits(exitInterrupted)
			text, err := os.ReadFile(w.path("e.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{`"addr":"containerd.worker-1","module":"containerd","host":"worker-1","took_ms":`, `"text":"Interrupted: `,
				`"addr":"kubelet.worker-1","module":"kubelet","host":"worker-1","cause":""}`, `"exit_code":130,"message":"interrupted"}` + "\n"} {
				if !bytes.Contains(text, []byte(want)) {
					t.Errorf("no %s in:\n%s", want, tail(string(text)))
				}
			}
		})
	}
	t.Run("while checking", func(t *testing.T) {
		w := testWorld(t, "cp-1")
		began, release := make(chan struct{}, 1), make(chan struct{})
		w.hosts[0].FailOn(func(method, _ string) error {
			if method == "Sysctls" {
				select {
				case began <- struct{}{}:
				default:
				}
				<-release
			}
			return nil
		})
		p := w.pmkctl(t, "plan", "-json")
		reached(t, began)
		p.interrupt()
		p.exits(exitInterrupted)
		close(release)
		if text := p.out.String(); !strings.Contains(tail(text), `"type":"end"`) || !strings.HasSuffix(text, `"exit_code":130,"message":"interrupted"}`+"\n") {
			t.Errorf("it ended with:\n%s", tail(text))
		}
		if shown := p.shown.String(); shown != "" {
			t.Errorf("people were shown %q", shown)
		}
	})
}

// TestEventsAreNotWaitedFor: a reader that stops reading does not delay
// changes.
func TestEventsAreNotWaitedFor(t *testing.T) {
	w := testWorld(t, "cp-1")
	if err := syscall.Mkfifo(w.path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := w.pmkctl(t, "apply", "-auto-approve", "-events=pipe")
	p.until("ok dns.cp-1")
	f, err := os.Open(w.path("pipe"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	p.exits(exitDone)
	if !bytes.HasPrefix(text, []byte(begins)) || !bytes.HasSuffix(text, []byte(`"exit_code":0,"message":""}`+"\n")) {
		t.Errorf("got:\n%s", tail(string(text)))
	}
}
