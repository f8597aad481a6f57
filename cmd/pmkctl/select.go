package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/hostnames"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// selectFlags are the flags of commands that may do a part of a plan. They
// add to -exclude, which leaves hosts out of other commands.
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

// leavesOut tells if -exclude names a host.
func (a *app) leavesOut(host string) bool {
	return slices.ContainsFunc(a.flags.exclude, func(text string) bool { return len(hostnames.Match(text, []string{host})) > 0 })
}

// excluded are those of the hosts that -exclude names.
func (a *app) excluded(hosts []*spec.Host) []string {
	var names []string
	for _, h := range hosts {
		if a.leavesOut(h.Name) {
			names = append(names, h.Name)
		}
	}
	return names
}

// knowsExcluded refuses what -exclude has and none of these hosts is called.
// A command that knows steps looks for it among them later.
func (a *app) knowsExcluded(c *spec.Cluster, hosts []*spec.Host) error {
	var known []string
	for _, h := range hosts {
		known = append(known, h.Name)
	}
	a.flags.selection.Exclude = nil
	for _, text := range a.flags.exclude {
		switch {
		case len(hostnames.Match(text, known)) > 0:
		case a.flags.selects && a.mayNameStep(c, text):
			a.flags.selection.Exclude = append(a.flags.selection.Exclude, text)
		default:
			return fmt.Errorf("there is no %s %q to exclude%s", a.excludable(), text, plan.Meant(text, known))
		}
	}
	return nil
}

// excludable is what -exclude may name.
func (a *app) excludable() string {
	if a.flags.selects {
		return "host or module"
	}
	return "host"
}

// mayNameStep tells if a text that names no host is to be looked for among
// the steps once they are known.
func (a *app) mayNameStep(c *spec.Cluster, text string) bool {
	if strings.ContainsAny(text, ". ") {
		return true
	}
	g, err := plan.CompileBare(context.Background(), c)
	if err != nil {
		return false
	}
	_, err = g.Find(text)
	return err == nil
}

// noSelection refuses flags that a saved plan has an answer to.
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

// choose finds the steps that flags name, or that the saved plan has, and
// readies those that are to be done again.
func (w *work) choose() error {
	if w.compiled == nil || w.probesOnly || len(w.conn.failed) > 0 {
		return nil // there are no steps but probes
	}
	if w.saved != nil {
		return w.compiled.Graph.Replace(func(a address.Step) bool {
			return slices.ContainsFunc(w.saved.Steps, func(s saved.Step) bool { return s.Addr == a && s.Replaced })
		})
	}
	if w.flags.selection.Empty() {
		return nil
	}
	var err error
	if w.choice, err = w.compiled.Graph.Select(w.flags.selection); err != nil {
		return err
	}
	return w.compiled.Graph.Replace(w.choice.Replaces)
}

// narrow leaves out what is not to be done.
func (w *work) narrow(c *executor.Checked) {
	switch {
	case w.saved != nil:
		c.Narrow(executor.Saved(w.saved).Left)
	case w.choice != nil:
		c.Narrow(w.choice.Leave(func(a address.Step) bool { return len(c.Diffs[a]) > 0 || c.Errs[a] != nil }))
	}
}

// contradiction is an error if flags ask for steps and leave them out.
func (w *work) contradiction(c *executor.Checked) error {
	if w.choice == nil {
		return nil
	}
	return w.choice.Conflict(c.Left)
}

// noteReplaced takes from the journals which steps the plan did again
// already.
func (w *work) noteReplaced(did map[string]state.Progress) {
	for _, s := range w.saved.Steps {
		if s.Replaced && did[s.RunsOn()][s.Addr] == state.Done {
			w.compiled.Graph.WasReplaced(s.Addr)
		}
	}
}
