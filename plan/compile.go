package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/component"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// World is what Compile needs to know, in addition to the spec.
type World struct {
	Hosts      map[string]host.Host     // those that can be reached; the graph has steps only for them
	Records    map[string]*state.Record // of the hosts in Hosts; an entry for each
	Identities map[string]host.Identity // of the hosts in Hosts, for the inventory
	Sources    *component.Sources       // where programs and images come from
	Absent     map[string]string        // why hosts of the spec are not in Hosts
	ProbesOnly bool                     // only the steps of preflight
	Inventory  []state.HostEntry        // as a control-plane host has it; nil before there is one
	Destroy    bool                     // remove everything from the hosts in Hosts

	// Holder returns the lock that another run holds on a host; see
	// reach.Connectivity.
	Holder func(ctx context.Context, host string) (*host.LockRequest, error)
}

// Compiled is a graph, and what its steps give to the run in addition to diffs.
type Compiled struct {
	Graph *Graph

	report *modules.Value[*preflight.Report] // an output of the step Connectivity; nil if the graph has no such step
}

// Report returns what the connectivity probe found; nil before its check.
func (c *Compiled) Report() *preflight.Report {
	if c.report == nil {
		return nil
	}
	r, _ := c.report.Now()
	return r
}

// Compile makes the graph of everything that pmkctl does for a cluster, in
// order. From the hosts it takes only their facts, which cost no round trip.
func Compile(ctx context.Context, c *spec.Cluster, w World) (*Compiled, error) {
	b, err := newBuilder(ctx, c, w)
	if err != nil {
		return nil, err
	}
	if w.Destroy {
		b.destroy()
		return b.out, b.out.Graph.check()
	}
	b.probes()
	if w.ProbesOnly {
		return b.out, nil
	}
	b.authorities()
	for _, h := range b.hosts {
		b.base(h)
		b.certificates(h)
	}
	b.etcd()
	for _, h := range b.with(spec.ControlPlane) {
		b.controlPlane(h)
	}
	if err := b.access(); err != nil {
		return nil, err
	}
	for _, h := range b.hosts {
		b.node(h)
	}
	if err := b.dns(); err != nil {
		return nil, err
	}
	for _, h := range b.hosts {
		b.leftovers(h)
	}
	b.departing()
	return b.out, b.out.Graph.check()
}

// builder collects the steps of a graph.
type builder struct {
	*spec.Cluster
	world World
	out   *Compiled
	hosts []*spec.Host // that can be reached
	facts map[string]host.Facts
	pki   authorities

	identity state.Cluster
	live     bool // a host of the cluster is a member already
}

func newBuilder(ctx context.Context, c *spec.Cluster, w World) (*builder, error) {
	b := &builder{Cluster: c, world: w, facts: map[string]host.Facts{}}
	b.out = &Compiled{Graph: &Graph{}}
	hosts := c.Hosts
	if w.Destroy {
		hosts = c.AllHosts()
	}
	for _, h := range hosts {
		live, ok := w.Hosts[h.Name]
		if !ok {
			continue
		}
		facts, err := live.Facts(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", h.Name, err)
		}
		b.hosts, b.facts[h.Name] = append(b.hosts, h), facts
	}
	b.identity = b.clusterIdentity()
	return b, b.membersReached()
}

// clusterIdentity returns the identity of the cluster from the records, or a new
// one if no host is a member yet. It sets live.
func (b *builder) clusterIdentity() state.Cluster {
	c := state.Cluster{Name: b.Name, Immutable: spec.Identity(b.Cluster)}
	for _, h := range b.hosts {
		if r := b.world.Records[h.Name]; r.Cluster.ID != "" && r.Cluster.Name == b.Name {
			b.live, c.ID = true, r.Cluster.ID
			return c
		}
	}
	c.ID = state.NewClusterID()
	return c
}

// with returns the reached hosts that have a role.
func (b *builder) with(r spec.Role) []*spec.Host {
	var list []*spec.Host
	for _, h := range b.hosts {
		if h.Has(r) {
			list = append(list, h)
		}
	}
	return list
}

// signer is the host that keeps the keys of the CAs and signs certificates.
func (b *builder) signer() *spec.Host { return b.with(spec.ControlPlane)[0] }

// apiHost is the control-plane host that requests to the API go through.
func (b *builder) apiHost() *spec.Host { return b.with(spec.ControlPlane)[0] }

// api is the connection to the API host.
func (b *builder) api() host.Host { return b.world.Hosts[b.apiHost().Name] }

// add puts a step at the end of the graph.
func (b *builder) add(module string, h *spec.Host, work modules.Module, after ...address.Addr) *Step {
	s := &Step{Addr: address.Of(module, ""), Work: work, After: after, Source: b.Range}
	if h != nil {
		s.Addr, s.Source = address.Of(module, h.Name), h.Range
	}
	b.out.Graph.Steps = append(b.out.Graph.Steps, s)
	return s
}

// check returns an error if two steps have one address or own one item, or if a
// step stands before one that it waits for. Such an error is a mistake in this
// package.
func (g *Graph) check() error {
	if cycle := g.cycle(); cycle != nil {
		return fmt.Errorf("steps wait for each other: %s", cycleText(cycle))
	}
	seen := map[address.Addr]bool{}
	for _, s := range g.Steps {
		for _, a := range s.After {
			if !seen[a] {
				return fmt.Errorf("%s waits for %s, which does not stand before it", s.Addr, a)
			}
		}
		if seen[s.Addr] {
			return fmt.Errorf("there are two steps %s", s.Addr)
		}
		seen[s.Addr] = true
	}
	return g.checkOwners()
}

// checkOwners returns an error if two steps of one host own one item: each would
// undo what the other does.
func (g *Graph) checkOwners() error {
	type place struct{ host, item string }
	owners := map[place]address.Addr{}
	for _, s := range g.Steps {
		owner, ok := s.Work.(modules.Owner)
		if !ok {
			continue
		}
		for _, item := range owner.Owns() {
			at := place{s.RunsOn(), item}
			if other, owned := owners[at]; owned && other != s.Addr {
				return fmt.Errorf("%s and %s both own %s on the host %s", other, s.Addr, item, at.host)
			}
			owners[at] = s.Addr
		}
	}
	return nil
}

// Immutable returns diagnostics for the differences from a live cluster that
// cannot be changed there. The network backend is no such difference: its step
// shows a replacement.
func Immutable(c *spec.Cluster, records map[string]*state.Record) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if d := controlPlaneMoved(c, records); d != nil {
		return hcl.Diagnostics{d}
	}
	reported := map[string]bool{spec.FieldBackend: true}
	identity := spec.Identity(c)
	for _, h := range c.Hosts {
		r := records[h.Name]
		if r == nil || r.Cluster.Name != c.Name {
			continue // bare, or another cluster's: preflight refuses that
		}
		if r.Host != h.Name {
			diags = append(diags, immutable(c, "node name", r.Host, &h.Range))
		}
		diags = append(diags, lostRoles(c, h, r)...)
		for _, field := range slices.Sorted(maps.Keys(identity)) {
			have, ok := r.Cluster.Immutable[field]
			if !ok || have == identity[field] || reported[field] {
				continue
			}
			reported[field] = true
			at := c.ImmutableRange(field)
			diags = append(diags, immutable(c, field, have, &at))
		}
	}
	return slices.Concat(diags, newMembers(c, records), otherPrograms(c, records))
}

// lostRoles returns diagnostics for roles that a host has on the live cluster and
// not in the spec. A host that stays cannot give them up: its data is nowhere
// else, or its member of etcd would have to be removed first.
func lostRoles(c *spec.Cluster, h *spec.Host, r *state.Record) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, role := range []struct {
		role spec.Role
		unit string
		what string
	}{{spec.ControlPlane, apiUnit, "the control plane"}, {spec.Etcd, etcdUnit, "a member of etcd"}} {
		if _, runs := r.Owns[role.unit]; !runs || h.Has(role.role) {
			continue
		}
		detail := fmt.Sprintf("The host %q runs %s of the cluster %q, and pmkctl cannot take that from a host that stays. Put the role %q back.",
			h.Name, role.what, c.Name, role.role)
		if role.role == spec.Etcd {
			detail = strings.TrimSuffix(detail, ".") + ", or take the host out of the spec, apply, and add it again."
		}
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Cannot change on a live cluster", Detail: detail, Subject: h.Range.Ptr()})
	}
	return diags
}

func immutable(c *spec.Cluster, field, have string, at *hcl.Range) *hcl.Diagnostic {
	advice := "give the cluster another name and set it up on other hosts"
	if field == spec.FieldVersion {
		advice = "wait for a pmkctl that can upgrade clusters"
	}
	return &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  "Cannot change on a live cluster",
		Detail: fmt.Sprintf("The cluster %q runs with %s %q, and pmkctl cannot change that while it lives. Put %q back, or %s.",
			c.Name, field, have, have, advice),
		Subject: at,
	}
}
