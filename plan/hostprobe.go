package plan

import (
	"net/netip"

	"github.com/pmkctl/pmkctl/modules/kernel"
	"github.com/pmkctl/pmkctl/modules/preflight/hostcheck"
	"github.com/pmkctl/pmkctl/spec"
)

// Bytes of memory: the least that kubeadm wants on a control-plane host, and the
// default of the spec.
const (
	controlPlaneMemory = 1700 << 20
	defaultMemory      = 1 << 30
)

// hostProbe returns the check whether a host is fit for its roles.
func (b *builder) hostProbe(h *spec.Host) Probe {
	k := b.kubelet(h)
	p := hostcheck.Probe{
		Name: h.Name, Cluster: b.identity.Name, ClusterID: b.identity.ID,
		Backend: b.Network.Backend, ProxyMode: b.Settings.KubeProxy.Mode,
		Features:   kernel.Modules(b.Network.Backend, b.Settings.KubeProxy.Mode),
		FailSwapOn: configBool(k, "failSwapOn", true), FailCgroupV1: configBool(k, "failCgroupV1", true),
		MinFreeDisk: b.Preflight.MinFreeDisk, MinMemory: b.Preflight.MinMemory, Levels: b.Preflight.Levels,
	}
	p.PodCIDR, p.ServiceCIDR, p.ControlPlane = b.PodCIDR, b.ServiceCIDR, h.Has(spec.ControlPlane)
	p.ResolvConf = configText(k, "resolvConf", "")
	for _, other := range b.Hosts {
		p.Members = append(p.Members, other.Address.String())
	}
	if _, err := netip.ParseAddr(b.API.Endpoint); err != nil {
		p.Endpoint = b.API.Endpoint
	}
	if h.Has(spec.Etcd) {
		p.EtcdData, p.EtcdMetrics = spec.Identity(b.Cluster)[spec.FieldEtcdData], etcdMetrics(b.Settings.Etcd)
	}
	if h.Has(spec.ControlPlane) && p.MinMemory == defaultMemory {
		p.MinMemory = controlPlaneMemory
	}
	return p
}

// etcdMetrics returns the URL of the metrics of a host's own etcd; "" if the spec
// has moved it.
func etcdMetrics(p spec.Passthrough) string {
	const field, local = "listen-metrics-urls", "http://127.0.0.1:2381"
	if text := configText(p, field, ""); text != "" && text != local {
		return ""
	}
	return local + "/metrics"
}

func configBool(p spec.Passthrough, field string, def bool) bool {
	if v, ok := p.Config[field].(bool); ok {
		return v
	}
	return def
}
