package saved

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// A Plan is what was shown to people, and the facts that it depends on.
type Plan struct {
	Made     time.Time            `json:"made"`
	Who      string               `json:"who"` // alice@laptop
	Pmkctl   Build                `json:"pmkctl"`
	Spec     SpecPath             `json:"spec"`
	Cluster  *spec.Cluster        `json:"cluster"` // evaluated; without secrets
	Salt     []byte               `json:"salt,omitempty"`
	Secrets  []Secret             `json:"secrets,omitempty"`
	Destroy  bool                 `json:"destroy,omitempty"` // it removes everything from its hosts
	Hosts    []Host               `json:"hosts"`             // in the order of the spec, then the departing ones
	Absent   map[string]string    `json:"left,omitempty"`    // why hosts of the spec are not in the plan
	Steps    []Step               `json:"steps"`             // all of them, in plan order
	Report   *preflight.Report    `json:"report,omitempty"`
	Policies []spec.PolicyVerdict `json:"policies,omitempty"` // when the plan was made; the cluster has the policies themselves
}

// Build identifies an executable of pmkctl.
type Build struct {
	Version string `json:"version"`
	SHA256  string `json:"sha256"` // of the executable
}

// Place is the path of the spec.
type SpecPath struct {
	Given    string `json:"given"`    // as the command line had it
	Absolute string `json:"absolute"` // on the machine that made the plan
}

// A Host is the machine that answered when the plan was made. HostKey, MachineID
// and Record must be the same at apply; the rest is for people.
type Host struct {
	Name      string        `json:"name"`
	HostKey   string        `json:"host_key"` // SHA256:... fingerprint
	MachineID string        `json:"machine_id"`
	BootID    string        `json:"boot_id"`
	OS        string        `json:"os"`
	Kernel    string        `json:"kernel"`
	Arch      string        `json:"arch"`
	Record    state.Cluster `json:"record"` // the cluster in its record; empty on a bare host
}

// StepKind is the purpose of a step.
type StepKind string

// The kinds of a step.
const (
	Module StepKind = "module" // changes something
	Probe  StepKind = "probe"  // only checks
	Gate   StepKind = "gate"   // stands between probes and modules
)

// A Step is a vertex of the plan and what its check found.
type Step struct {
	Addr   address.Addr   `json:"addr"`
	Kind   StepKind       `json:"kind"`
	After  []address.Addr `json:"after,omitempty"`
	Source hcl.Range      `json:"source"`
	On     string         `json:"on,omitempty"`   // see plan.Step
	Diff   Diff           `json:"diff,omitempty"` // of a module

	Findings []preflight.Finding `json:"-"`                  // of a probe; the file has them as its diff, see MarshalJSON
	Excluded *change.Exclusion   `json:"left_out,omitempty"` // nil if it is to be done
	Replaced bool                `json:"replaced,omitempty"` // it is done although nothing differs
}

// Diff is what a module has to do.
type Diff = change.Saved

// RunsOn returns the host that the step runs on; "" for a step over all hosts.
func (s Step) RunsOn() string {
	if s.On != "" {
		return s.On
	}
	return s.Addr.Host
}

// Pending returns the steps that have something to change, in plan order.
func (p *Plan) Pending() []Step {
	var steps []Step
	for _, s := range p.Steps {
		if s.Kind == Module && len(s.Diff) > 0 {
			steps = append(steps, s)
		}
	}
	return steps
}

// Findings returns what the probes found.
func (p *Plan) Findings() []preflight.Finding {
	var list []preflight.Finding
	for _, s := range p.Steps {
		list = append(list, s.Findings...)
	}
	return list
}

// check returns an error if the plan lacks something that every plan of pmkctl
// has.
func (p *Plan) check() error {
	if p.Cluster == nil || len(p.Hosts) == 0 {
		return errors.New("it names no hosts")
	}
	if !slices.ContainsFunc(p.Cluster.Hosts, func(h *spec.Host) bool { return h != nil && h.Has(spec.ControlPlane) }) {
		return errors.New("it has no control plane")
	}
	for _, h := range p.Hosts {
		if !slices.ContainsFunc(p.Cluster.AllHosts(), func(c *spec.Host) bool { return c != nil && c.Name == h.Name }) {
			return fmt.Errorf("its host %q is not in its spec", h.Name)
		}
	}
	return nil
}
