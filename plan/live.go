package plan

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// Units by which a record shows how far a cluster has come.
const (
	etcdUnit = "etcd.service"
	apiUnit  = "kube-apiserver.service" // starts after all members of etcd
)

// owner is a host of the spec on which a unit of the cluster was installed;
// nil if there is none.
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

// hasAPIServer reports whether the cluster's API server was started once, and
// so etcd before it.
func hasAPIServer(c *spec.Cluster, records map[string]*state.Record) bool {
	return owner(c, records, apiUnit) != nil
}

// newMembers are diagnostics for hosts that are to become members of an etcd
// that runs already. Started as this package starts members, such a host
// would make an etcd of its own.
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

// membersReached returns an error if a host is left out that is to be one of
// the first members of etcd: once the others run, it could not be added.
func (b *builder) membersReached() error {
	if b.world.Destroy || b.world.ProbesOnly || hasAPIServer(b.Cluster, b.world.Records) {
		return nil
	}
	for _, h := range b.Hosts {
		if why, left := b.world.Left[h.Name]; left && h.Has(spec.Etcd) {
			return fmt.Errorf("host %s is %s and is to be one of the first members of etcd, which start together: bring it into this run, or take the role \"etcd\" from it in the spec", h.Name, why)
		}
	}
	return nil
}
