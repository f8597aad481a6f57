package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/apiserver"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// Units in a record that show how far the set-up of a cluster has come.
const (
	etcdUnit = "etcd.service"
	apiUnit  = "kube-apiserver.service" // starts after all members of etcd
	nodeUnit = "kube-proxy.service"     // starts after the host's kubelet
)

// owner returns the first host of the spec on which a unit of the cluster was
// installed; nil if there is none.
func owner(c *spec.Cluster, records map[string]*state.Record, unit string) *spec.Host {
	for _, h := range c.Hosts {
		if r := records[h.Name]; r != nil && r.Cluster.Name == c.Name {
			if _, ok := r.Owns[unit]; ok {
				return h
			}
		}
	}
	return nil
}

// hasAPIServer reports whether the API server of the cluster was ever started.
// If so, etcd was started before it.
func hasAPIServer(c *spec.Cluster, records map[string]*state.Record) bool {
	return owner(c, records, apiUnit) != nil
}

// newMembers returns diagnostics for hosts that are to become members of an etcd
// that runs already. This package can only start the first members: a later one
// would form an etcd cluster of its own.
func newMembers(c *spec.Cluster, records map[string]*state.Record) hcl.Diagnostics {
	if !hasAPIServer(c, records) {
		return nil
	}
	var diags hcl.Diagnostics
	for _, h := range c.Hosts {
		r := records[h.Name]
		if r == nil || !h.Has(spec.Etcd) || r.Cluster.Name != "" && r.Cluster.Name != c.Name {
			continue // not in this run, or another cluster's: preflight refuses that
		}
		if _, member := r.Owns[etcdUnit]; member {
			continue
		}
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Cannot change on a live cluster", Subject: h.Range.Ptr(),
			Detail: fmt.Sprintf("The host %q is no member of the etcd of the cluster %q, and pmkctl cannot add members to an etcd that runs, nor one that left it. "+
				"Take the role \"etcd\" from this host, or wait for a pmkctl that can grow etcd.", h.Name, c.Name)})
	}
	return diags
}

// membersReached returns an error if a host is absent that is to be one of the
// first members of etcd: once the others run, it could not be added.
func (b *builder) membersReached() error {
	if b.world.Destroy || b.world.ProbesOnly || hasAPIServer(b.Cluster, b.world.Records) {
		return nil
	}
	for _, h := range b.Hosts {
		if why, absent := b.world.Absent[h.Name]; absent && h.Has(spec.Etcd) {
			return fmt.Errorf("host %s is %s and is to be one of the first members of etcd, which start together: bring it into this run, or take the role \"etcd\" from it in the spec", h.Name, why)
		}
	}
	return nil
}

// otherPrograms returns diagnostics for programs whose digest differs from the
// live cluster. A digest is allowed if a host has it already, or had it before
// an apply that was interrupted.
func otherPrograms(c *spec.Cluster, records map[string]*state.Record) hcl.Diagnostics {
	if owner(c, records, nodeUnit) == nil {
		return nil // no node runs yet, so there is nothing to upgrade
	}
	lines := map[hcl.Range][]string{}
	var places []hcl.Range
	for _, name := range c.ComponentsOf(&spec.Host{Roles: []spec.Role{spec.ControlPlane, spec.Etcd}}) {
		runs, want := digests(c, records, name), c.Components[name].SHA256
		if len(runs) == 0 || slices.Contains(runs, want) {
			continue
		}
		at := c.ImmutableRange(spec.FieldDigest + name)
		if lines[at] == nil {
			places = append(places, at)
		}
		lines[at] = append(lines[at], fmt.Sprintf("  %s\n    runs     %s\n    the spec %s", name, runs[0], want))
	}
	var diags hcl.Diagnostics
	for _, at := range places {
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Cannot change on a live cluster", Subject: &at,
			Detail: fmt.Sprintf("The cluster %q runs with programs of another sha256 than the spec has:\n%s\n"+
				"To replace them is an upgrade, which needs an order that an apply does not have. Put the sha256 that runs back, or wait for a pmkctl that can upgrade clusters.",
				c.Name, strings.Join(lines[at], "\n"))})
	}
	return diags
}

// digests returns the digests of a program on the live hosts: first those that
// pmkctl wrote last, then those before them.
func digests(c *spec.Cluster, records map[string]*state.Record, program string) []string {
	var last, before []string
	for _, h := range c.Hosts {
		r := records[h.Name]
		if r == nil || r.Cluster.Name != c.Name {
			continue
		}
		if o := r.Owns[programPath(program)]; o.SHA256 != "" {
			last, before = append(last, o.SHA256), append(before, o.Was)
		}
	}
	return append(last, before...)
}

// RecallDomain adds the cluster domain to a record that an older pmkctl wrote
// without it. It reads the domain from the unit of the host's API server, and
// does nothing on a host without one.
func RecallDomain(ctx context.Context, h host.Reader, c *spec.Cluster, r *state.Record) error {
	_, serves := r.Owns[apiUnit]
	if _, known := r.Cluster.Immutable[spec.FieldDomain]; known || !serves || r.Cluster.Name != c.Name || r.Cluster.Immutable == nil {
		return nil
	}
	domain, err := apiserver.Domain(ctx, h)
	if domain != "" {
		r.Cluster.Immutable[spec.FieldDomain] = domain
	}
	return err
}
