package terminal

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/view/wording"
)

// signOfLife is how often a run without news says that it goes on, if output
// is not a terminal.
const signOfLife = 30 * time.Second

// Progress shows how a run goes on. On a terminal the last line is live: it
// has the steps that run now, and since when.
type Progress struct {
	w     io.Writer
	st    Style
	live  bool // a terminal, which can redraw its last line
	width int
	quiet bool

	mu      sync.Mutex
	phase   string
	share   string // of a check that runs
	total   int
	done    int
	running map[address.Addr]*activity
	last    time.Time // of the last line written
	drawn   bool      // a live line stands
	stop    chan struct{}
	stopped sync.WaitGroup
}

// activity is a step that runs.
type activity struct {
	since       time.Time
	done, total int64
}

// NewProgress begins to show progress. width is that of the terminal; 0 if
// there is none. Close ends it.
func NewProgress(w io.Writer, st Style, width int, quiet bool) *Progress {
	p := &Progress{w: w, st: st, live: width > 0 && !quiet, width: width, quiet: quiet,
		running: map[address.Addr]*activity{}, last: time.Now(), stop: make(chan struct{})}
	if !quiet {
		p.stopped.Go(p.tick)
	}
	return p
}

// Close ends the display and clears the live line.
func (p *Progress) Close() {
	close(p.stop)
	p.stopped.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

// Hide clears the live line until the next phase, so that other text can be
// written.
func (p *Progress) Hide() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.phase = ""
}

func (p *Progress) tick() {
	every := time.NewTicker(200 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-every.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// Event shows an event of the run, if it is progress.
func (p *Progress) Event(e event.Event) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := e.(type) {
	case event.Phase:
		p.phase, p.total, p.done, p.share = e.Name, e.Total, 0, ""
	case event.HostReady, event.HostFailed, event.StepChecked, event.StepProbed:
		p.done++ // the causes are printed at the end, for all hosts
	case event.StepStarted:
		p.running[e.Addr] = &activity{since: time.Now()}
	case event.StepProgress:
		if a := p.running[e.Addr]; a != nil {
			a.done, a.total = e.Done, e.Total
		} else if e.Total > 0 { // a long check: edges between very many hosts
			p.share = fmt.Sprintf(": %s %d %%", e.Addr, e.Done*100/e.Total)
		}
	case event.StepDone:
		p.end(e.Addr)
		p.print(fmt.Sprintf("%s %s (%s)%s", p.st.green("ok"), e.Addr, seconds(e.Took), nopText(e.Nop)))
	case event.StepFailed:
		p.end(e.Addr)
		cause, _, _ := strings.Cut(e.Err.Error(), "\n") // the summary has the rest
		p.print(fmt.Sprintf("%s %s (%s): %s", p.st.red("failed"), e.Addr, seconds(e.Took), cause))
	case event.StepSkipped:
		p.done++
	case event.Message:
		p.print(e.Text)
	}
}

func nopText(nop bool) string {
	if nop {
		return ": nothing was left to do"
	}
	return ""
}

// end counts a step that began. A step that had nothing to change is not in
// the total.
func (p *Progress) end(a address.Addr) {
	if p.running[a] != nil {
		p.done++
	}
	delete(p.running, a)
}

func (p *Progress) print(line string) {
	p.clear()
	fmt.Fprintln(p.w, line)
	p.last = time.Now()
}

func (p *Progress) clear() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

// draw redraws the live line, or prints a sign of life if there is none.
func (p *Progress) draw() {
	if p.phase == "" {
		return
	}
	if !p.live {
		if time.Since(p.last) >= signOfLife {
			p.print(p.now())
		}
		return
	}
	p.clear()
	line := []rune(p.now())
	if len(line) > p.width-1 {
		line = line[:p.width-1]
	}
	fmt.Fprint(p.w, string(line))
	p.drawn = true
}

// now returns the state of the run in a line: "apply 12/31: etcd.cp-1 4s".
func (p *Progress) now() string {
	var b strings.Builder
	b.WriteString(p.phase)
	if p.total > 0 {
		fmt.Fprintf(&b, " %d/%d", p.done, p.total)
	}
	b.WriteString(p.share)
	for i, a := range p.oldest() {
		b.WriteString(map[bool]string{true: ": ", false: ", "}[i == 0])
		b.WriteString(a.String() + " " + p.running[a].String())
	}
	return b.String()
}

// oldest returns the running steps, the longest running first.
func (p *Progress) oldest() []address.Addr {
	var list []address.Addr
	for a := range p.running {
		list = append(list, a)
	}
	sort.Slice(list, func(i, j int) bool {
		x, y := p.running[list[i]].since, p.running[list[j]].since
		return x.Before(y) || x.Equal(y) && list[i].String() < list[j].String()
	})
	return list
}

func (a *activity) String() string {
	if a.total > 0 && a.done < a.total {
		return fmt.Sprintf("%s of %s", wording.Bytes(a.done), wording.Bytes(a.total))
	}
	return fmt.Sprintf("%.0fs", time.Since(a.since).Seconds())
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }
