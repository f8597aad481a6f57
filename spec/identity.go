package spec

import "github.com/hashicorp/hcl/v2"

// The fields of Identity. They cannot change while a cluster runs, except the
// network backend, which is replaced.
const (
	FieldName        = "cluster name"
	FieldPodCIDR     = "pod_cidr"
	FieldServiceCIDR = "service_cidr"
	FieldDomain      = "domain"
	FieldVersion     = "kubernetes_version"
	FieldBackend     = "network backend"
	FieldEtcdData    = "etcd data-dir"
)

// FieldDigest followed by the name of a component is the name of its sha256 in
// ImmutableRange. It is not a field of Identity, because records keep these
// digests elsewhere.
const FieldDigest = "sha256 of "

// Identity returns the values of the spec that a record on a host keeps, so
// that later runs can find changes.
func Identity(c *Cluster) map[string]string {
	return map[string]string{
		FieldName: c.Name, FieldPodCIDR: c.PodCIDR.String(), FieldServiceCIDR: c.ServiceCIDR.String(),
		FieldDomain: c.Domain, FieldVersion: c.Version, FieldBackend: c.Network.Backend, FieldEtcdData: c.etcdData(),
	}
}

func (c *Cluster) etcdData() string {
	if s, ok := c.Settings.Etcd.Config["data-dir"].(string); ok {
		return s
	}
	return "/var/lib/etcd"
}

// ImmutableRange returns the place of a field of Identity or of a component's
// digest in the spec. If the spec does not set it, this is the cluster block.
func (c *Cluster) ImmutableRange(field string) hcl.Range {
	if r, ok := c.ranges[field]; ok {
		return r
	}
	return c.Range
}

// immutable returns the ranges of the fields of Identity and of the components'
// digests.
func (d *decoded) immutable() map[string]hcl.Range {
	ranges := map[string]hcl.Range{
		FieldName: d.cluster.named, FieldPodCIDR: d.cluster.attrs["pod_cidr"].at, FieldServiceCIDR: d.cluster.attrs["service_cidr"].at,
		FieldDomain: d.cluster.attrs["domain"].at, FieldVersion: d.cluster.attrs["kubernetes_version"].at, FieldBackend: d.network.attrs["backend"].at,
		FieldEtcdData: d.Settings.Etcd.Range,
	}
	for name, at := range d.digests {
		ranges[FieldDigest+name] = at
	}
	return ranges
}
