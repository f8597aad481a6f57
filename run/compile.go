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

// compile reads the hosts' records, refuses changes that a live cluster cannot
// take, and makes the graph.
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

// graph makes the graph from the spec, the hosts and the records.
func (r *Run) graph(ctx context.Context) (err error) {
	world := r.world
	world.Hosts, world.Identities, world.Absent = r.conn.hosts(), r.conn.identities(), r.absent()
	world.ProbesOnly, world.Destroy = r.withoutPlan(), r.goal.destroys()
	if r.compiled, err = plan.Compile(ctx, r.cluster, world); err != nil || r.withoutPlan() {
		return err
	}
	return r.steps.choose(r.compiled.Graph)
}

// withoutPlan reports whether the graph has only probes. That is so in a
// preflight, and when hosts are missing.
func (r *Run) withoutPlan() bool { return r.world.ProbesOnly || len(r.conn.failed) > 0 }

// check compares every step with its host, and marks what pmkctl does not own.
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

// planned compiles and checks, shows the plan, and judges it.
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

// judge returns the error that failed probes, checks and policies end the run
// with.
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
