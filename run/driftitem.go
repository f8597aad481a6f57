package run

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/state"
	"github.com/pmkctl/pmkctl/view/terminal"
	"github.com/pmkctl/pmkctl/view/wording"
)

// driftItems returns what drifted on a host: files, units and settings by its
// record, objects by the API server.
func driftItems(drifted []state.Drift, host string, checked *executor.Checked) []terminal.DriftItem {
	changes := changesOn(checked, host)
	_, compared := checked.Diffs[address.Of("kernel", host)]
	var items []terminal.DriftItem
	for _, d := range drifted {
		item := driftItem(d, changes)
		if d.AtLeast() && compared && !item.Mended {
			continue // a limit that was raised serves as well
		}
		items = append(items, item)
	}
	for _, c := range changes {
		if c.Drift && c.InAPI() {
			items = append(items, driftedObject(c))
		}
	}
	return items
}

// changesOn returns all changes that the plan makes on a host.
func changesOn(c *executor.Checked, host string) (d change.Diff) {
	for _, s := range c.Graph.Steps {
		if s.RunsOn() == host {
			d = append(d, c.Diffs[s.Addr]...)
		}
	}
	return d
}

// driftItem adds to a drift what the plan does about it. It has the lines that
// changed only if the recorded content is the one that the spec still wants.
func driftItem(d state.Drift, changes change.Diff) terminal.DriftItem {
	item := terminal.DriftItem{Drift: d}
	for _, c := range changes {
		if c.Item != d.Item {
			continue
		}
		item.Mended = true
		if item.Unwanted = c.Action == change.Remove; item.Unwanted || c.Content() != change.Written || d.SHA256 == "" {
			continue
		}
		if sum := sha256.Sum256([]byte(c.Want)); hex.EncodeToString(sum[:]) != d.SHA256 {
			item.Changed = true
		} else if d.What == state.OfContent {
			c.Have, c.Want = c.Want, c.Have
			item.Lines = wording.Lines(c)
		}
	}
	return item
}

// driftedObject returns the drift of an object that was changed through the API
// server.
func driftedObject(c change.Change) terminal.DriftItem {
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
	item := terminal.DriftItem{Drift: d, Mended: true}
	if c.Action != change.Add {
		c.Have, c.Want = c.Want, c.Have
		item.Lines = wording.Lines(c)
	}
	return item
}

// askedFor returns the pending steps that have changes besides drift. A restart
// does not count, because it follows from another change, and neither does a
// reload, because the spec says nothing about what systemd has read.
func askedFor(c *executor.Checked, found []terminal.HostDrift) []string {
	var steps []string
	for _, s := range c.Pending() {
		drifted := func(item string) bool {
			return slices.ContainsFunc(found, func(h terminal.HostDrift) bool {
				return h.Host == s.RunsOn() && slices.ContainsFunc(h.Items, func(d terminal.DriftItem) bool { return d.Item == item && !d.Changed && !d.Unwanted })
			})
		}
		if slices.ContainsFunc(c.Diffs[s.Addr], func(ch change.Change) bool {
			return ch.Action != change.Restart && ch.Action != change.Reload && !ch.Drift && !drifted(ch.Item)
		}) {
			steps = append(steps, s.Addr.String())
		}
	}
	return steps
}
