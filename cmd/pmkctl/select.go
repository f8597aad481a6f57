package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// selectFlags adds the flags of commands that may apply a part of a plan. With
// them, -exclude takes steps as well as hosts.
func (a *app) selectFlags(cmd *cobra.Command) *cobra.Command {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a.flags.selects = true
		return run(cmd, args)
	}
	f := cmd.Flags()
	f.StringArrayVar(&a.flags.selection.Target, "target", nil, "do only this `STEP` (kubelet.worker-1, kubelet.*, a module, a host) and what it needs; may be repeated")
	f.StringArrayVar(&a.flags.selection.Limit, "limit", nil, "change nothing on other hosts than this `HOST` (worker-1, worker-[1-3]); may be repeated")
	f.StringArrayVar(&a.flags.selection.Replace, "replace", nil, "do this `STEP` even if nothing differs: restart, issue or send again; may be repeated")
	f.Lookup("exclude").Usage = "leave this `HOST` out altogether, or a step (kubelet.worker-1, kubelet.*) with what needs it; may be repeated"
	return cmd
}

// noSelection returns an error for flags that a saved plan has decided already.
func (a *app) noSelection() error {
	s := a.flags.selection
	for _, f := range []struct {
		name   string
		values []string
		what   string
	}{{"exclude", a.flags.exclude, "hosts and steps"}, {"target", s.Target, "steps"}, {"limit", s.Limit, "hosts"}, {"replace", s.Replace, "steps"}} {
		if len(f.values) > 0 {
			return fmt.Errorf("-%s is for making a plan; a saved plan says which %s it is for", f.name, f.what)
		}
	}
	return nil
}
