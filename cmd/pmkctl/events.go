package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/view"
)

// eventFlags are the flags of commands that tell programs what happens. -json
// is left to a command that has a document of its own to print.
func (a *app) eventFlags(cmd *cobra.Command, asJSON bool) *cobra.Command {
	if asJSON {
		cmd.Flags().BoolVar(&a.flags.json, "json", false, "print what happens as JSON lines, and nothing else; never asks (docs/events.md)")
		cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
			a.flags.json = a.flags.json || slices.Contains(a.args, "--json") // behind the flag that is wrong
			return flagError(cmd, err)
		})
	}
	cmd.Flags().StringVar(&a.flags.events, "events", "", "also write what happens as JSON lines to `FILE`, a pipe or /dev/fd/N")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return a.beginEvents(cmd.Name()) }
	return cmd
}

// beginEvents opens what events are to be written to. With -json people are
// shown nothing: all that they would see is an event.
func (a *app) beginEvents(command string) error {
	if !a.flags.json && a.flags.events == "" {
		return nil
	}
	if a.flags.json {
		a.outlets = append(a.outlets, newOutlet(noClose{a.out}))
		a.out, a.err = io.Discard, io.Discard
	}
	var err error
	if a.flags.events != "" {
		var o *outlet
		if o, err = openOutlet(a.flags.events); err == nil {
			a.outlets = append(a.outlets, o)
		}
	}
	a.stream.Store(view.NewStream(func(line []byte) {
		for _, o := range a.outlets {
			o.put(line)
		}
	}, version, command))
	return err
}

// endEvents writes the last event and waits until all was written. It
// returns the code to exit with.
func (a *app) endEvents(code int, message string) int {
	a.emit(event.Ended{ExitCode: code, Message: message})
	for _, o := range a.outlets {
		err := o.close()
		if err == nil {
			continue
		}
		fmt.Fprintf(a.stderr, "pmkctl: write events to %s: %v\n", o.name(), err)
		if o.file == "" && code == exitDone {
			code = exitFailed // whoever asked for -json got nothing else
		}
	}
	return code
}

// ending is the exit code's meaning, where no error says it.
func ending(code int, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case code == exitSpec:
		return "the spec has errors"
	case code == exitChanges:
		return "there are changes"
	case code == exitInterrupted:
		return "interrupted"
	}
	return ""
}

// emit writes an event, if anybody asked for events.
func (a *app) emit(e event.Event) {
	if s := a.stream.Load(); s != nil {
		s.Event(e)
	}
}

// A watch is progress as people see it and as events.
type watch struct {
	*view.Progress
	emit event.Sink
}

// Event takes news of the run.
func (w *watch) Event(e event.Event) {
	w.emit(e)
	w.Progress.Event(e)
}

// tellDiagnostics makes events of diagnostics.
func (a *app) tellDiagnostics(files map[string]*hcl.File, diags hcl.Diagnostics) {
	for _, d := range diags {
		a.emit(event.Diagnosed{Diag: d, Files: files})
	}
}

// tellPlan makes events of a plan.
func (w *work) tellPlan(c *executor.Checked) {
	for _, s := range c.Pending() {
		w.emit(event.StepPlanned{Addr: s.Addr, Source: s.Source, Diff: c.Diffs[s.Addr]})
	}
	left := c.LeftOut()
	for _, a := range left {
		w.emit(event.StepLeft{Addr: a, Flag: c.Left[a].Flag, Cause: c.Left[a].Cause})
	}
	i := c.Impact(w.cluster.Everyone())
	w.emit(event.Planned{Add: i.Counts.Add, Change: i.Counts.Change, Remove: i.Counts.Remove,
		Hosts: i.Hosts, ControlPlane: i.ControlPlane, Etcd: i.Etcd,
		Restarts: len(i.Restarts), Removals: len(i.Removals), Replacements: len(i.Replaced), Files: i.Files, Bytes: i.Bytes, LeftOut: len(left)})
}

// tellResult makes an event of how an apply ended. Each step's end was told
// when it came.
func (w *work) tellResult(r *executor.Result) {
	w.emit(event.Applied{Done: len(r.Done), Failed: len(r.Failed), Skipped: len(r.Skipped)})
}

// tellLeft makes events of what still differs after an apply.
func (w *work) tellLeft(c *executor.Checked) {
	for _, s := range c.Pending() {
		w.emit(event.StepDiffers{Addr: s.Addr, Diff: c.Diffs[s.Addr]})
	}
	for _, s := range c.Graph.Steps {
		if err := c.Errs[s.Addr]; err != nil {
			w.emit(event.StepChecked{Addr: s.Addr, Err: err})
		}
	}
}

// noClose is a stream that is not ours to close.
type noClose struct{ io.Writer }

func (noClose) Close() error { return nil }

// stall is how long a reader of -events who takes nothing is waited for.
const stall = 10 * time.Second

func (o *outlet) name() string { return cmp.Or(o.file, "standard output") }
