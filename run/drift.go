package run

import (
	"context"
	"slices"
	"sync"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/view/terminal"
)

// Drift shows what has changed on the hosts since pmkctl wrote it, and who may
// have changed it. If detailed is set and there is drift, the outcome is
// ChangesPending.
func Drift(ctx context.Context, o Options, detailed bool) error {
	r, err := open(ctx, o, converge{}, true)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.compile(ctx); err != nil {
		return err
	}
	r.compiled.Graph = withoutProbes(r.compiled.Graph)
	checked := r.check(ctx)
	found, err := r.findDrift(ctx, checked)
	if err != nil {
		return err
	}
	if err := r.Console.Drift(found, askedFor(checked, found)); err != nil {
		return err
	}
	if err := r.judgeChecks(checked); err != nil { // policies are about plans
		return err
	}
	if detailed && slices.ContainsFunc(found, func(h terminal.HostDrift) bool { return len(h.Items) > 0 }) {
		return &Error{Outcome: ChangesPending}
	}
	return nil
}

// withoutProbes returns a graph that is only checked. Free ports, for example,
// say nothing about drift.
func withoutProbes(g *plan.Graph) *plan.Graph {
	only := &plan.Graph{Steps: []*plan.Step{{Addr: plan.Gate}}}
	for _, s := range g.Steps {
		if s.Work != nil {
			only.Steps = append(only.Steps, s)
		}
	}
	return only
}

// findDrift reads the drift of all hosts at once.
func (r *Run) findDrift(ctx context.Context, checked *executor.Checked) ([]terminal.HostDrift, error) {
	var mu sync.Mutex
	found := map[string]terminal.HostDrift{}
	err := r.conn.each(func(name string, s host.Session) error {
		drifted, err := r.world.Records[name].Drift(ctx, s)
		if err != nil {
			return err
		}
		stays, err := staysOn(ctx, name, s, r.compiled.Graph)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		found[name] = terminal.HostDrift{Host: name, Items: driftItems(drifted, name, checked), Stays: stays}
		return nil
	})
	var list []terminal.HostDrift
	for _, h := range r.cluster.Hosts {
		hd := found[h.Name]
		hd.Host = h.Name
		list = append(list, hd)
	}
	return list, err
}

// leftovers is the step that removes what the spec no longer wants from a host.
type leftovers interface {
	// Stay returns the leftovers that are not removed, each with the reason.
	Stay(context.Context, host.Host) (map[string]string, error)
}

// staysOn returns what is on a host, is no longer wanted by the spec, and is
// not removed by pmkctl, each with the reason.
func staysOn(ctx context.Context, name string, s host.Session, g *plan.Graph) (map[string]string, error) {
	for _, step := range g.Steps {
		if l, ok := step.Work.(leftovers); ok && step.RunsOn() == name {
			return l.Stay(ctx, s)
		}
	}
	return nil, nil
}
