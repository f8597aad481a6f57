package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/view/document"
)

// eventFlags adds the flags that write events for other programs. Without
// asJSON, -json is missing: the command defines its own.
func (a *app) eventFlags(cmd *cobra.Command, asJSON bool) *cobra.Command {
	if asJSON {
		cmd.Flags().BoolVar(&a.flags.json, "json", false, "print what happens as JSON lines, and nothing else; never asks (docs/events.md)")
		cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
			a.flags.json = a.flags.json || slices.Contains(a.args, "--json") // it may follow the wrong flag
			return flagError(cmd, err)
		})
	}
	cmd.Flags().StringVar(&a.flags.events, "events", "", "also write what happens as JSON lines to `FILE`, a pipe or /dev/fd/N")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return a.beginEvents(cmd.Name()) }
	return cmd
}

// beginEvents opens the outputs for events. With -json people see no other
// output: all of it is in the events.
func (a *app) beginEvents(command string) error {
	if !a.flags.json && a.flags.events == "" {
		return nil
	}
	if a.flags.json {
		a.outlets = append(a.outlets, newOutlet(noClose{a.console.Out}))
		a.console.Out, a.console.Err, a.console.Quiet = io.Discard, io.Discard, true
	}
	var err error
	if a.flags.events != "" {
		var o *outlet
		if o, err = openOutlet(a.flags.events); err == nil {
			a.outlets = append(a.outlets, o)
		}
	}
	a.console.StreamTo(document.NewStream(func(line []byte) {
		for _, o := range a.outlets {
			o.put(line)
		}
	}, version, command))
	return err
}

// endEvents writes the last event and waits until everything is written. It
// returns the exit code.
func (a *app) endEvents(code int, message string) int {
	a.console.Emit(event.Ended{ExitCode: code, Message: message})
	for _, o := range a.outlets {
		err := o.close()
		if err == nil {
			continue
		}
		fmt.Fprintf(a.stderr, "pmkctl: write events to %s: %v\n", o.name(), err)
		if o.file == "" && code == exitDone {
			code = exitFailed // with -json there was no other output
		}
	}
	return code
}

// noClose is a stream that belongs to the caller and is not closed.
type noClose struct{ io.Writer }

func (noClose) Close() error { return nil }

// stall is the longest wait for a reader of -events that reads nothing.
const stall = 10 * time.Second

func (o *outlet) name() string { return cmp.Or(o.file, "standard output") }
