package run

import (
	"context"
	"errors"
	"maps"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/modules/component"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// A Run is the work of one command on the hosts of a cluster, from the first
// connection to the last check.
type Run struct {
	Options
	id       string
	cluster  *spec.Cluster        // has its departing hosts after gather
	files    map[string]*hcl.File // of the spec, for diagnostics
	conn     *connection
	goal     goal
	steps    selector
	world    plan.World // what earlier steps of the run found; graph adds the rest
	compiled *plan.Compiled
	verdicts []spec.PolicyVerdict // of the policies, as shown last
}

// Reasons why a run does without a host.
const (
	excluded    = "excluded"
	stranger    = "no member of the cluster"
	unreachable = preflight.Unreachable
	givenUp     = "given up, not cleaned"
)

// open reads the spec, connects to its hosts and brings in the departing ones.
// At least one host of the spec must answer. The caller closes the run.
func open(ctx context.Context, o Options, g goal, readOnly bool) (*Run, error) {
	r, err := reach(ctx, o, g, readOnly)
	if err != nil {
		return nil, err
	}
	switch {
	case len(r.conn.sessions) > 0:
		err = g.gather(ctx, r)
	case len(r.conn.failed) > 0:
		err = r.unreachable()
	default:
		err = errors.New("every host is left out")
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// reach reads the spec and connects to its hosts. It is no error if none
// answers. The caller closes the run.
func reach(ctx context.Context, o Options, g goal, readOnly bool) (*Run, error) {
	cluster, files, err := o.Load()
	if err != nil {
		return nil, err
	}
	hosts, err := o.included(cluster, func(h *spec.Host) bool { return !g.canSpare(h) })
	if err != nil {
		return nil, err
	}
	r := newRun(o, cluster, g, &selection{Options: o, cluster: cluster})
	r.files = files
	for _, h := range cluster.Hosts {
		if o.excludes(h.Name) {
			r.world.Absent[h.Name] = excluded
		}
	}
	r.conn, err = o.connect(ctx, hosts, readOnly)
	return r, err
}

func newRun(o Options, c *spec.Cluster, g goal, s selector) *Run {
	return &Run{Options: o, id: state.NewClusterID()[:8], cluster: c, goal: g, steps: s,
		world: plan.World{Sources: &component.Sources{}, Absent: map[string]string{}}}
}

func (r *Run) close() { r.conn.close() }

// unreachable returns the error that names the hosts that could not be reached;
// nil if all could.
func (r *Run) unreachable() error { return r.conn.unreachable(r.cluster.AllHosts(), r.goal.canSpare) }

// absent returns the hosts that do not take part in the run, with the reasons.
func (r *Run) absent() map[string]string {
	all := maps.Clone(r.world.Absent)
	for name := range r.conn.failed {
		all[name] = unreachable
	}
	for _, d := range r.cluster.Departing {
		if d.Unreachable {
			all[d.Host.Name] = givenUp
		}
	}
	return all
}
