// Package plan compiles a spec into a graph of steps. It owns the order in
// which a cluster is made, and nothing of how a step is done.
package plan

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/modules"
)

// Addr names a step: "kubelet.worker-1". A step over all hosts has no host
// part: "connectivity".
type Addr string

// NewAddr is the address of a module on a host.
func NewAddr(module, host string) Addr {
	if host == "" {
		return Addr(module)
	}
	return Addr(module + "." + host)
}

// Module is the part before the first dot.
func (a Addr) Module() string {
	m, _, _ := strings.Cut(string(a), ".")
	return m
}

// Host is the part after it; "" for a step over all hosts.
func (a Addr) Host() string {
	_, h, _ := strings.Cut(string(a), ".")
	return h
}

// A Step is a vertex of the plan graph.
type Step struct {
	Addr    Addr
	Work    modules.Checker  // a modules.Module, or a probe that only checks; nil for the gate
	After   []Addr           // steps that must have succeeded first
	Outputs []modules.Output // values that readers may wait for; settled after the check
	Source  hcl.Range        // the block that asked for it
	Turns   []Addr           // of After: those that it waits for only because hosts take turns

	// On is the host that the step runs on and whose journal notes it, where
	// that is not the one of its address: drain.worker-2 runs on a
	// control-plane host.
	On string
}

// RunsOn is the host that the step runs on; "" for a step over all hosts.
func (s *Step) RunsOn() string {
	if s.On != "" {
		return s.On
	}
	return s.Addr.Host()
}

// A Graph is steps in the order in which they are shown; every step stands
// after those it waits for.
type Graph struct {
	Steps []*Step
}

// Gate is the step that stands between all probes and all changes.
const Gate Addr = "gate"

// Connectivity is the probe over all pairs of hosts.
const Connectivity Addr = "connectivity"
