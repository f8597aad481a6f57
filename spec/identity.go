package spec

import "github.com/hashicorp/hcl/v2"

// The fields that stay as they are once a cluster runs; another version or
// backend is refused or asks for a replacement. See Identity.
const (
	FieldName        = "cluster name"
	FieldPodCIDR     = "pod_cidr"
	FieldServiceCIDR = "service_cidr"
	FieldDomain      = "domain"
	FieldVersion     = "kubernetes_version"
	FieldBackend     = "network backend"
	FieldEtcdData    = "etcd data-dir"
)

// FieldDigest and the name of a component are what ImmutableRange calls its
// sha256. Records keep the digests of programs by themselves.
const FieldDigest = "sha256 of "

// Identity is what a record on a host keeps of the spec, to tell later
// whether it changed.
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

// ImmutableRange is where the spec says a field of Identity or a component's
// digest, or the cluster block where it says nothing.
func (c *Cluster) ImmutableRange(field string) hcl.Range {
	if r, ok := c.ranges[field]; ok {
		return r
	}
	return c.Range
}

// immutable are the places of Identity's fields and of components' digests.
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
