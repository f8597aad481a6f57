package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/wording"
)

// A Console is where a command shows what it does: to people as text, and to
// programs as a stream of events. The fields are set before it is used.
type Console struct {
	In        io.Reader // answers of people
	Out       io.Writer // what was asked for
	Err       io.Writer // everything else
	NoColor   bool
	Full      bool // long plans are not folded
	Quiet     bool // no progress is shown
	Automated bool // a pipeline runs the command: no hints what to do next

	stream   atomic.Pointer[document.Stream]
	progress *Progress // nil before Begin
}

// StreamTo makes s get every event from now on.
func (c *Console) StreamTo(s *document.Stream) { c.stream.Store(s) }

// Streams reports whether events go to a stream.
func (c *Console) Streams() bool { return c.stream.Load() != nil }

// Begin starts to show progress; End stops it.
func (c *Console) Begin() {
	c.progress = NewProgress(c.Err, c.style(c.Err), width(c.Err), c.Quiet)
}

// End stops showing progress.
func (c *Console) End() { c.progress.Close() }

// Event shows an event to people and to programs.
func (c *Console) Event(e event.Event) {
	c.Emit(e)
	c.progress.Event(e)
}

// Emit shows an event to programs only.
func (c *Console) Emit(e event.Event) {
	if s := c.stream.Load(); s != nil {
		s.Event(e)
	}
}

// Note prints a line beside the result.
func (c *Console) Note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintln(c.Err, text)
	c.Emit(event.Message{Text: text})
}

// Hint prints which command to type next.
func (c *Console) Hint(format string, args ...any) {
	if !c.Automated {
		c.Note(format, args...)
	}
}

// Diagnostics prints diagnostics with the lines of the spec that they are
// about.
func (c *Console) Diagnostics(files map[string]*hcl.File, diags hcl.Diagnostics) error {
	for _, d := range diags {
		c.Emit(event.Diagnosed{Diag: d, Files: files})
	}
	return Diagnostics(c.Err, files, diags, width(c.Err), c.style(c.Err))
}

// Ask prints a question and returns the line that is typed.
func (c *Console) Ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(c.Err, question)
	answers := make(chan string, 1)
	go func() { // a read from a terminal cannot be interrupted
		line, _ := bufio.NewReader(c.In).ReadString('\n')
		answers <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(c.Err)
		return "", ctx.Err()
	case line := <-answers:
		return line, nil
	}
}

// out returns standard output, without a live line of progress in its way.
func (c *Console) out() io.Writer {
	if c.progress != nil {
		c.progress.Hide()
	}
	return c.Out
}

// Print prints text as a part of the result.
func (c *Console) Print(format string, args ...any) error {
	_, err := fmt.Fprintf(c.out(), format, args...)
	return err
}

// Plan prints a plan.
func (c *Console) Plan(plan *executor.Checked, names wording.Names) error {
	return Plan(c.out(), plan, names, c.Style())
}

// Preflight prints what preflight found on this many hosts, and the levels
// that the spec sets.
func (c *Console) Preflight(levels preflight.Levels, findings []preflight.Finding, r *preflight.Report, hosts int) error {
	return errors.Join(PreflightLevels(c.out(), levels, c.Style()), Preflight(c.Out, findings, r, hosts, c.Style()))
}

// PreflightDoc prints a run of preflight as JSON.
func (c *Console) PreflightDoc(d *document.Preflight) error { return d.Write(c.out()) }

// Policies prints how the policies of the spec judged a plan.
func (c *Console) Policies(list []spec.PolicyVerdict) error {
	for _, v := range list {
		c.Emit(event.PolicyJudged{PolicyVerdict: v})
	}
	return Policies(c.out(), list, c.Style())
}

// Result prints how an apply ended.
func (c *Console) Result(r *executor.Result) error { return Result(c.out(), r, c.Style()) }

// Drift prints what differs from what pmkctl wrote on the hosts.
func (c *Console) Drift(hosts []HostDrift, asked []string) error {
	for _, h := range hosts {
		for _, d := range h.Items {
			c.Emit(event.Drifted{Host: h.Host, Drift: d.Drift})
		}
	}
	return Drift(c.out(), hosts, asked, c.Style())
}
