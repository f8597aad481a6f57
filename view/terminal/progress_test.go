package terminal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/internal/golden"
	"github.com/pmkctl/pmkctl/view/terminal"
)

// TestSignOfLife: where nothing can be redrawn, a run without news says every
// 30 seconds what it is at.
func TestSignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := terminal.NewProgress(&out, terminal.NewStyle(false), 0, false)
		p.Event(event.Phase{Name: "apply", Total: 2})
		p.Event(event.StepStarted{Addr: address.MustParse("programs.cp-1")})
		time.Sleep(10 * time.Second)
		p.Event(event.StepStarted{Addr: address.MustParse("etcd.cp-1")})
		p.Event(event.StepProgress{Addr: address.MustParse("programs.cp-1"), Done: 12e6, Total: 300e6})
		time.Sleep(51 * time.Second)
		p.Event(event.StepDone{Addr: address.MustParse("programs.cp-1"), Took: 61 * time.Second})
		time.Sleep(31 * time.Second)
		p.Event(event.StepFailed{Addr: address.MustParse("etcd.cp-1"), Took: 82 * time.Second, Err: errors.New("start etcd.service: failed\n  last lines:\n    x")})
		p.Hide() // nothing more happens while a human reads
		time.Sleep(time.Hour)
		p.Close()
		want := `apply 0/2: programs.cp-1 12 MB of 300 MB, etcd.cp-1 20s
apply 0/2: programs.cp-1 12 MB of 300 MB, etcd.cp-1 50s
ok programs.cp-1 (61.0s)
apply 1/2: etcd.cp-1 81s
failed etcd.cp-1 (82.0s): start etcd.service: failed
`
		if got := out.String(); got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
	})
}

// TestLiveLine: on a terminal the last line is redrawn and never wraps, and
// what is written meanwhile stands on lines of its own.
func TestLiveLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := terminal.NewProgress(&out, terminal.NewStyle(false), 40, false)
		p.Event(event.Phase{Name: "apply", Total: 9})
		for i := range 5 {
			p.Event(event.StepStarted{Addr: address.MustParse(fmt.Sprintf("kubelet.worker-%d", i))})
		}
		time.Sleep(time.Second)
		p.Event(event.StepDone{Addr: address.MustParse("kubelet.worker-3"), Took: time.Second})
		time.Sleep(time.Second)
		p.Close()
		screen := draw(out.String())
		if len(screen) != 2 || screen[0] != "ok kubelet.worker-3 (1.0s)" || screen[1] != "" {
			t.Errorf("the screen shows %q", screen)
		}
		for _, line := range strings.FieldsFunc(out.String(), func(r rune) bool { return r == '\r' || r == '\n' }) {
			if len(strings.TrimPrefix(line, "\x1b[K")) >= 40 {
				t.Errorf("%q wraps", line)
			}
		}
	})
}

// draw is what a terminal shows in the end.
func draw(text string) []string {
	screen := []string{""}
	for text != "" {
		last := &screen[len(screen)-1]
		switch {
		case strings.HasPrefix(text, "\r\x1b[K"):
			*last, text = "", text[4:]
		case text[0] == '\n':
			screen, text = append(screen, ""), text[1:]
		default:
			*last, text = *last+text[:1], text[1:]
		}
	}
	return screen
}

func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := terminal.NewProgress(&out, terminal.NewStyle(true), 80, true)
		p.Event(event.Phase{Name: "apply", Total: 2})
		p.Event(event.StepStarted{Addr: address.MustParse("x.a")})
		time.Sleep(time.Minute)
		p.Event(event.StepDone{Addr: address.MustParse("x.a")})
		p.Hide()
		p.Close()
		if out.Len() > 0 {
			t.Errorf("got %q", &out)
		}
	})
}

func TestResult(t *testing.T) {
	err := errors.New("start kubelet.service: job failed: exit-code\n  last lines of kubelet.service:\n    no such device")
	r := &executor.Result{
		Done: []address.Addr{address.MustParse("kernel.cp-1"), address.MustParse("kernel.worker-1")},
		Failed: []*executor.Error{{Step: address.MustParse("kubelet.worker-1"), Op: executor.OpApply, Err: err}, {Step: address.MustParse("etcd.cp-1"), Op: executor.OpApply, Err: errors.New("disk full")},
			{Step: address.MustParse("node.worker-2"), Op: executor.OpConfirm, Err: errors.New("wait 2m0s for node worker-2 to report Ready again: KubeletNotReady: container runtime is down")}},
		Skipped: []event.StepSkipped{{Addr: address.MustParse("node.worker-1"), Cause: address.MustParse("kubelet.worker-1")}, {Addr: address.MustParse("kube-apiserver.cp-1"), Cause: address.MustParse("etcd.cp-1")},
			{Addr: address.MustParse("flannel.worker-1"), Cause: address.MustParse("kubelet.worker-1")}, {Addr: address.MustParse("dns.cp-1")},
			{Addr: address.MustParse("kubelet.worker-3"), Cause: address.MustParse("node.worker-2")}},
	}
	var out bytes.Buffer
	if err := terminal.Result(&out, r, terminal.NewStyle(false)); err != nil {
		t.Fatal(err)
	}
	golden.Text(t, "testdata/result.txt", out.String())
}
