package run

import (
	"context"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/spec"
)

// A goal is what is to become of the hosts: the cluster of the spec, or what
// they were before.
type goal interface {
	// destroys reports whether the graph is that of removing the cluster.
	destroys() bool
	// canSpare reports whether the run may go on without a host.
	canSpare(*spec.Host) bool
	// cleans reports whether a host is to be as it was before pmkctl.
	cleans(c *spec.Cluster, host string) bool
	// gather brings the departing hosts into the run.
	gather(context.Context, *Run) error
	// confirm refuses hosts that are to be cleaned and became members of
	// another cluster, or another host of this one, since gather: a human may
	// take hours to approve, and what is removed looks alike on all clusters.
	confirm(*Run) error
	// immutable tells what the spec has that a live cluster cannot change to.
	immutable(*Run) hcl.Diagnostics
	// showPreflight prints what the probes found.
	showPreflight(*Run, *executor.Checked) error
	// show prints what the probes found and the plan.
	show(*Run, *executor.Checked) error
	// spared returns a line for each host that the goal concerns and the run
	// does not touch.
	spared(*Run) []string
	// question is what a human is asked, and the one answer that counts.
	question(*spec.Cluster) (question, consent string)
}
