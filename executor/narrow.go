package executor

import (
	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/plan"
)

// Narrow leaves steps out: they keep their place in the graph, so that what
// waits for them still waits for what they wait for, and have nothing to do.
// That their check failed is no matter then.
func (c *Checked) Narrow(excluded map[address.Step]plan.Left) {
	c.Excluded = excluded
	for a := range excluded {
		c.Diffs[a] = nil
		delete(c.Errs, a)
	}
}

// ExcludedPending are the steps that have something to change and are left out, in
// plan order.
func (c *Checked) ExcludedPending() []address.Step {
	var list []address.Step
	for _, s := range c.Graph.Steps {
		if c.Excluded[s.Addr].Pending {
			list = append(list, s.Addr)
		}
	}
	return list
}

// Scope is the graph without the steps that are left out.
func (c *Checked) Scope() *plan.Graph {
	g := &plan.Graph{}
	for _, s := range c.Graph.Steps {
		if _, excluded := c.Excluded[s.Addr]; !excluded {
			g.Steps = append(g.Steps, s)
		}
	}
	return g
}
