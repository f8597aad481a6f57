package run

import (
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// A selector decides which steps of a graph a run includes.
type selector interface {
	// choose finds the steps in a graph and prepares those that are done
	// although nothing differs (-replace).
	choose(*plan.Graph) error
	// narrow excludes the steps that are not done.
	narrow(*executor.Checked)
	// conflict returns an error if a step is both asked for and excluded.
	conflict(*executor.Checked) error
	// judged returns the plan that policies judge, and whether the cluster was
	// live when that plan was made.
	judged(*executor.Checked, map[string]*state.Record) (c *executor.Checked, live bool)
}

// A selection is the steps that the flags ask for.
type selection struct {
	Options
	cluster *spec.Cluster
	choice  *plan.Choice // nil for all steps
}

func (s *selection) choose(g *plan.Graph) (err error) {
	if s.Selection == nil {
		return nil
	}
	flags := *s.Selection
	flags.Exclude = s.excludedSteps(s.cluster.AllHosts())
	if flags.Empty() {
		return nil
	}
	if s.choice, err = g.Select(flags); err != nil {
		return err
	}
	return g.Replace(s.choice.Replaces)
}

func (s *selection) narrow(c *executor.Checked) {
	if s.choice != nil {
		c.Narrow(s.choice.Excluded(func(a address.Addr) bool { return len(c.Diffs[a]) > 0 || c.Errs[a] != nil }))
	}
}

func (s *selection) conflict(c *executor.Checked) error {
	if s.choice == nil {
		return nil
	}
	return s.choice.Conflict(c.Excluded)
}

func (s *selection) judged(c *executor.Checked, records map[string]*state.Record) (*executor.Checked, bool) {
	for _, r := range records {
		if r.Cluster.ID != "" {
			return c, true
		}
	}
	return c, false
}

// reviewed is the steps of a saved plan.
type reviewed struct{ *saved.Plan }

func (p reviewed) choose(g *plan.Graph) error {
	return g.Replace(func(a address.Addr) bool {
		return slices.ContainsFunc(p.Steps, func(s saved.Step) bool { return s.Addr == a && s.Replaced })
	})
}

func (p reviewed) narrow(c *executor.Checked) { c.Narrow(executor.Saved(p.Plan).Excluded) }

func (reviewed) conflict(*executor.Checked) error { return nil }

// judged returns the whole plan, even if a part of it is done already.
func (p reviewed) judged(*executor.Checked, map[string]*state.Record) (*executor.Checked, bool) {
	return executor.Saved(p.Plan), slices.ContainsFunc(p.Hosts, func(h saved.Host) bool { return h.Record.ID != "" })
}
