package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/state"
	"github.com/pmkctl/pmkctl/view"
)

// drift shows what is not on the hosts as pmkctl left it, though nobody
// changed the spec, and who may have done that.
func (a *app) drift(cmd *cobra.Command, args []string, f planFlags) error {
	if a.flags.destroy {
		return errors.New("-drift and -destroy are two questions; ask one at a time")
	}
	if f.out != "" || f.html != "" {
		return errors.New("-drift compares with what pmkctl left on the hosts; a plan to save is made without it")
	}
	if s := a.flags.selection; len(s.Target)+len(s.Limit)+len(s.Replace) > 0 {
		return errors.New("-drift looks at all that pmkctl left on the hosts; -target, -limit and -replace are for a plan")
	}
	ctx := cmd.Context()
	w, err := a.open(cmd, args, sshhost.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.compile(ctx); err != nil {
		return err
	}
	w.compiled.Graph = withoutProbes(w.compiled.Graph)
	checked := w.check(ctx)
	found, err := w.findDrift(ctx, checked)
	if err != nil {
		return err
	}
	w.progress.Hide()
	things := 0
	for _, h := range found {
		things += len(h.Items)
		for _, d := range h.Items {
			w.emit(event.Drifted{Host: h.Host, Drift: d.Drift})
		}
	}
	if err := view.Drift(w.out, found, askedFor(checked, found), w.style(w.out)); err != nil {
		return err
	}
	if err := w.judgeChecks(checked); err != nil { // policies are about plans
		return err
	}
	if f.detailed && things > 0 {
		return &exitError{Code: exitChanges}
	}
	return nil
}

// withoutProbes is a graph to be checked only: whether ports are free says
// nothing of what pmkctl left on the hosts.
func withoutProbes(g *plan.Graph) *plan.Graph {
	only := &plan.Graph{Steps: []*plan.Step{{Addr: plan.Gate}}}
	for _, s := range g.Steps {
		if _, ok := s.Work.(modules.Module); ok {
			only.Steps = append(only.Steps, s)
		}
	}
	return only
}

// findDrift asks all hosts at once.
func (w *work) findDrift(ctx context.Context, checked *executor.Checked) ([]view.HostDrift, error) {
	var mu sync.Mutex
	drifts := map[string][]state.Drift{}
	stays := map[string]map[string]string{}
	err := w.conn.each(func(name string, s host.Session) error {
		found, err := w.records[name].Drift(ctx, s)
		if err != nil {
			return err
		}
		var stay map[string]string
		for _, step := range w.compiled.Graph.Steps {
			if l, ok := step.Work.(*state.Leftovers); ok && step.RunsOn() == name {
				if stay, err = l.Stay(ctx, s); err != nil {
					return err
				}
			}
		}
		mu.Lock()
		defer mu.Unlock()
		drifts[name], stays[name] = found, stay
		return nil
	})
	if err != nil {
		return nil, err
	}
	var list []view.HostDrift
	for _, h := range w.cluster.Hosts {
		hd := view.HostDrift{Host: h.Name, Stays: stays[h.Name]}
		changes := changesOn(checked, h.Name)
		_, compared := checked.Diffs[address.Of("kernel", h.Name)]
		for _, d := range drifts[h.Name] {
			item := driftItem(d, changes)
			if d.AtLeast() && compared && !item.Mended {
				continue // a limit that somebody raised serves as well
			}
			hd.Items = append(hd.Items, item)
		}
		for _, c := range changes {
			if c.Drift && c.InAPI() {
				hd.Items = append(hd.Items, driftedObject(c))
			}
		}
		list = append(list, hd)
	}
	return list, nil
}

// changesOn are all changes that the plan has for a host.
func changesOn(c *executor.Checked, host string) (d change.Diff) {
	for _, s := range c.Graph.Steps {
		if s.RunsOn() == host {
			d = append(d, c.Diffs[s.Addr]...)
		}
	}
	return d
}

// driftItem finds in the plan what becomes of a thing that drifted. The
// content that it had is known if that is still the wanted one.
func driftItem(d state.Drift, changes change.Diff) view.DriftItem {
	item := view.DriftItem{Drift: d}
	for _, c := range changes {
		if c.Item != d.Item {
			continue
		}
		item.Mended = true
		if item.Leaves = c.Action == change.Remove; item.Leaves || c.Content() != change.Written || d.SHA256 == "" {
			continue
		}
		if sum := sha256.Sum256([]byte(c.Want)); hex.EncodeToString(sum[:]) != d.SHA256 {
			item.Changed = true
		} else if d.What == state.OfContent {
			c.Have, c.Want = c.Want, c.Have
			item.Lines = view.Lines(c)
		}
	}
	return item
}

// driftedObject is an object of the API that somebody else wrote.
func driftedObject(c change.Change) view.DriftItem {
	d := state.Drift{Item: c.Item, Kind: c.Kind, What: state.OfContent}
	switch {
	case c.Action == change.Add:
		d.What = state.IsGone
	case !c.IsText():
		d.What, d.Was, d.Is = state.OfValue, c.Want, c.Have
	}
	if c.Why != "" {
		d.By.Traces = []host.Trace{{Source: "object", What: c.Why, Names: true}}
	}
	item := view.DriftItem{Drift: d, Mended: true}
	if c.Action != change.Add {
		c.Have, c.Want = c.Want, c.Have
		item.Lines = view.Lines(c)
	}
	return item
}

// askedFor are the steps that have something to do beside what drifted:
// what follows from that, such as a restart, is no reason of its own.
func askedFor(c *executor.Checked, found []view.HostDrift) []string {
	var steps []string
	for _, s := range c.Pending() {
		drifted := func(item string) bool {
			return slices.ContainsFunc(found, func(h view.HostDrift) bool {
				return h.Host == s.RunsOn() && slices.ContainsFunc(h.Items, func(d view.DriftItem) bool { return d.Item == item && !d.Changed && !d.Leaves })
			})
		}
		if slices.ContainsFunc(c.Diffs[s.Addr], func(ch change.Change) bool {
			return ch.Action != change.Restart && !ch.Drift && !drifted(ch.Item)
		}) {
			steps = append(steps, s.Addr.String())
		}
	}
	return steps
}
