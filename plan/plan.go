// Package plan compiles a spec into a graph of steps. It owns the order of the
// steps. How a step is done belongs to the modules.
package plan

import (
	"context"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// A Probe looks for faults and changes nothing.
type Probe interface {
	// Probe returns what it finds, the worst first. The host of a probe over
	// all hosts is nil.
	Probe(ctx context.Context, h host.Host) ([]preflight.Finding, error)
}

// A SlowProbe may take longer than others: it calls many hosts, one after the
// other.
type SlowProbe interface {
	Probe
	// Longest returns how long Probe takes at most, also if hosts are silent
	// or die during it.
	Longest() time.Duration
}

// A Step is a vertex of the plan graph: a module, a probe, or the gate, which has
// neither.
type Step struct {
	Addr   address.Addr
	Work   modules.Module
	Probe  Probe
	After  []address.Addr // steps that must have succeeded first
	Source hcl.Range      // the block of the spec that asked for it
	Turns  []address.Addr // the steps of After that it waits for only because hosts take turns

	// On is the host that the step runs on, and whose journal notes it. "" is
	// the host of its address. drain.worker-2 runs on a control-plane host.
	On string
}

// RunsOn returns the host that the step runs on; "" for a step over all hosts.
func (s *Step) RunsOn() string {
	if s.On != "" {
		return s.On
	}
	return s.Addr.Host
}

// A Graph is a list of steps in the order in which they are shown. Every step
// stands after the steps that it waits for.
type Graph struct {
	Steps []*Step
}

var (
	// Gate is the step that stands between all probes and all changes.
	Gate = address.Of("gate", "")
	// Connectivity is the probe over all pairs of hosts.
	Connectivity = address.Of("connectivity", "")
)
