package plan

import (
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/kernel"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/spec"
)

// What kubeadm asks of a control-plane host, and the spec's own default.
const (
	controlPlaneMemory = 1700 << 20
	defaultMemory      = 1 << 30
)

// hostProbe is what a host must be for its part in the cluster.
func (b *builder) hostProbe(h *spec.Host) modules.Checker {
	k := b.kubelet(h)
	p := preflight.HostProbe{
		Name: h.Name, Cluster: b.identity.Name, ClusterID: b.identity.ID,
		Backend: b.Network.Backend, ProxyMode: b.Settings.KubeProxy.Mode,
		Features:   kernel.Modules(b.Network.Backend, b.Settings.KubeProxy.Mode),
		FailSwapOn: configBool(k, "failSwapOn", true), FailCgroupV1: configBool(k, "failCgroupV1", true),
		MinFreeDisk: b.Preflight.MinFreeDisk, MinMemory: b.Preflight.MinMemory, Levels: b.Preflight.Levels,
	}
	if h.Has(spec.ControlPlane) && p.MinMemory == defaultMemory {
		p.MinMemory = controlPlaneMemory
	}
	return p
}

func configBool(p spec.Passthrough, field string, def bool) bool {
	if v, ok := p.Config[field].(bool); ok {
		return v
	}
	return def
}
