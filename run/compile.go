package run

import (
	"context"
	"errors"
	"slices"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/plan"
)

// compile reads the hosts' records, refuses what cannot change on a live
// cluster, and makes the graph.
func (r *Run) compile(ctx context.Context) error {
	if err := r.readRecords(ctx); err != nil {
		return err
	}
	if err := r.goal.confirm(r); err != nil {
		return err
	}
	if err := Diagnose(r.Console, r.files, r.goal.immutable(r)); err != nil {
		return err
	}
	return r.graph(ctx)
}

// graph makes the graph from spec, hosts and records.
func (r *Run) graph(ctx context.Context) (err error) {
	world := r.world
	world.Hosts, world.Identities, world.Left = r.conn.hosts(), r.conn.identities(), r.absent()
	world.ProbesOnly, world.Destroy = r.withoutPlan(), r.goal.destroys()
	if r.compiled, err = plan.Compile(ctx, r.cluster, world); err != nil || r.withoutPlan() {
		return err
	}
	return r.steps.choose(r.compiled.Graph)
}

// withoutPlan reports whether the graph has nothing but probes: the run is
// about them alone, or hosts are missing.
func (r *Run) withoutPlan() bool { return r.world.ProbesOnly || len(r.conn.failed) > 0 }

// check compares everything with the hosts, and marks what is foreign.
func (r *Run) check(ctx context.Context) *executor.Checked {
	r.Console.Event(event.Phase{Name: "check", Total: len(r.compiled.Graph.Steps) - 1})
	c := executor.Check(ctx, r.compiled.Graph, r.conn.hosts(), r.Console.Event)
	for _, s := range r.compiled.Graph.Steps {
		if record := r.world.Records[s.RunsOn()]; record != nil && c.Diffs[s.Addr] != nil {
			c.Diffs[s.Addr] = record.Mark(c.Diffs[s.Addr])
		}
	}
	r.steps.narrow(c)
	return c
}

// planned compiles, checks, shows and judges.
func (r *Run) planned(ctx context.Context) (*executor.Checked, error) {
	if err := r.compile(ctx); err != nil {
		return nil, err
	}
	c := r.check(ctx)
	if err := r.goal.show(r, c); err != nil {
		return nil, err
	}
	return c, r.judge(c)
}

// judge turns failed probes, checks and policies into the end of the run.
func (r *Run) judge(c *executor.Checked) error {
	if err := r.judgeChecks(c); err != nil || r.withoutPlan() {
		return err
	}
	return r.judgePolicies(c)
}

func (r *Run) judgeChecks(c *executor.Checked) error {
	probes, errs := c.Failed()
	lost := slices.ContainsFunc(errs, func(err error) bool { return errors.Is(err, host.ErrLost) })
	switch {
	case len(probes) > 0:
		return &Error{PreflightFailed, errors.New("preflight failed; nothing was changed")}
	case len(r.conn.failed) > 0:
		return r.unreachable()
	case lost:
		return &Error{Unreachable, errors.Join(errs...)}
	case len(errs) > 0:
		return errors.Join(errs...)
	}
	return r.steps.conflict(c)
}
