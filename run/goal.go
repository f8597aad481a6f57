package run

import (
	"context"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/spec"
)

// A goal is what becomes of the hosts: the cluster of the spec, or what they
// were before.
type goal interface {
	// destroys reports whether the graph removes the whole cluster.
	destroys() bool
	// canSpare reports whether the run may go on without a host.
	canSpare(*spec.Host) bool
	// cleans reports whether a host is made as it was before pmkctl.
	cleans(c *spec.Cluster, host string) bool
	// gather brings the departing hosts into the run.
	gather(context.Context, *Run) error
	// confirm refuses hosts that are to be cleaned if they joined another
	// cluster, or became another host of this one, since gather. Approval may
	// take hours, and the files that are removed look the same on all clusters.
	confirm(*Run) error
	// immutable returns a diagnostic for each difference that a live cluster
	// cannot take.
	immutable(*Run) hcl.Diagnostics
	// showPreflight prints what the probes found.
	showPreflight(*Run, *executor.Checked) error
	// show prints what the probes found and the plan.
	show(*Run, *executor.Checked) error
	// spared returns a line for each host that belongs to the goal and is not
	// touched by this run.
	spared(*Run) []string
	// question returns what a human is asked, and the only answer that
	// approves.
	question(*spec.Cluster) (question, consent string)
}
