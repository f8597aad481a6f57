package terminal

import (
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/spec"
)

// EmitPlan emits a plan for these hosts as events.
func (c *Console) EmitPlan(plan *executor.Checked, hosts []*spec.Host) {
	for _, s := range plan.Pending() {
		c.Emit(event.StepPlanned{Addr: s.Addr, Source: s.Source, Diff: plan.Diffs[s.Addr]})
	}
	excluded := plan.ExcludedPending()
	for _, a := range excluded {
		c.Emit(event.StepExcluded{Addr: a, Flag: plan.Excluded[a].Flag, Cause: plan.Excluded[a].Cause})
	}
	i := plan.Impact(hosts)
	c.Emit(event.Planned{Add: i.Counts.Add, Change: i.Counts.Change, Remove: i.Counts.Remove,
		Hosts: i.Hosts, ControlPlane: i.ControlPlane, Etcd: i.Etcd,
		Restarts: len(i.Restarts), Removals: len(i.Removals), Replacements: len(i.Replaced), Files: i.Files, Bytes: i.Bytes, Excluded: len(excluded)})
}

// EmitRemaining emits what still differs after an apply as events.
func (c *Console) EmitRemaining(remaining *executor.Checked) {
	for _, s := range remaining.Pending() {
		c.Emit(event.StepDiffers{Addr: s.Addr, Diff: remaining.Diffs[s.Addr]})
	}
	for _, s := range remaining.Graph.Steps {
		if err := remaining.Errs[s.Addr]; err != nil {
			c.Emit(event.StepChecked{Addr: s.Addr, Err: err})
		}
	}
}
