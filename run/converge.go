package run

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
)

// converge makes the hosts as the spec says, and cleans hosts that are no
// longer in it.
type converge struct {
	forApproval bool // do not show a plan that preflight stops, because it cannot be approved
}

func (converge) destroys() bool { return false }

func (converge) canSpare(h *spec.Host) bool { return !h.Has(spec.ControlPlane) }

func (converge) cleans(c *spec.Cluster, host string) bool { return hostNamed(c.Hosts, host) == nil }

func (converge) gather(ctx context.Context, r *Run) error { return (&departures{Run: r}).bring(ctx) }

func (converge) confirm(r *Run) error {
	var moved []string
	for _, d := range r.cluster.Departing {
		if err := reassigned(r.cluster, r.world.Records, d.Host.Name); err != nil {
			moved = append(moved, fmt.Sprintf("host %s is to leave the cluster, and %v", d.Host.Name, err))
		}
	}
	return refuseMoved(moved)
}

func refuseMoved(moved []string) error {
	if len(moved) == 0 {
		return nil
	}
	return refusedf("%s; nothing was changed, plan again", strings.Join(moved, "\n"))
}

func (converge) immutable(r *Run) hcl.Diagnostics { return plan.Immutable(r.cluster, r.world.Records) }

func (converge) showPreflight(r *Run, c *executor.Checked) error { return r.showPreflight(c) }

// show prints last what stops the run, because users look at the end of the
// output.
func (g converge) show(r *Run, c *executor.Checked) error {
	probes, _ := c.Failed()
	switch stopped := len(probes) > 0; {
	case r.withoutPlan(), stopped && g.forApproval:
		return r.showPreflight(c)
	case stopped:
		return errors.Join(r.showPlan(c), r.showPreflight(c))
	}
	return errors.Join(r.showPreflight(c), r.showPlan(c))
}

func (converge) spared(r *Run) []string {
	var lines []string
	for _, d := range r.cluster.Departing {
		if d.Unreachable {
			lines = append(lines, d.Host.Name+" (given up)")
		}
	}
	return lines
}

func (converge) question(*spec.Cluster) (question, consent string) {
	return "Apply these changes? Only \"yes\" is accepted: ", "yes"
}
