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

// endEvents writes the last event and waits until all was written. It
// returns the code to exit with.
func (a *app) endEvents(code int, message string) int {
	a.console.Emit(event.Ended{ExitCode: code, Message: message})
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

// noClose is a stream that is not ours to close.
type noClose struct{ io.Writer }

func (noClose) Close() error { return nil }

// stall is how long a reader of -events who takes nothing is waited for.
const stall = 10 * time.Second

func (o *outlet) name() string { return cmp.Or(o.file, "standard output") }
