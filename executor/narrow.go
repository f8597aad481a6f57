package executor

import (
	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/plan"
)

// Narrow excludes steps. They stay in the graph, so that their dependents still
// wait for what they wait for, but they have nothing to do. Errors of their
// checks are dropped.
func (c *Checked) Narrow(excluded map[address.Addr]change.Exclusion) {
	c.Excluded = excluded
	for a := range excluded {
		c.Diffs[a] = nil
		delete(c.Errs, a)
	}
}

// ExcludedPending returns the excluded steps that would have changes, in plan
// order.
func (c *Checked) ExcludedPending() []address.Addr {
	var list []address.Addr
	for _, s := range c.Graph.Steps {
		if c.Excluded[s.Addr].Pending {
			list = append(list, s.Addr)
		}
	}
	return list
}

// Scope returns the graph without the excluded steps.
func (c *Checked) Scope() *plan.Graph {
	g := &plan.Graph{}
	for _, s := range c.Graph.Steps {
		if _, excluded := c.Excluded[s.Addr]; !excluded {
			g.Steps = append(g.Steps, s)
		}
	}
	return g
}
