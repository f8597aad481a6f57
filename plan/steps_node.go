package plan

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/modules/component"
	"github.com/pmkctl/pmkctl/modules/image"
	"github.com/pmkctl/pmkctl/modules/kubelet"
	"github.com/pmkctl/pmkctl/modules/node"
	"github.com/pmkctl/pmkctl/spec"
)

// nodeModule is the Node of a host: labels, taints and readiness.
func (b *builder) nodeModule(h *spec.Host) node.Module {
	labels := maps.Clone(h.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	if h.Has(spec.ControlPlane) {
		key, value := node.ControlPlaneLabel()
		labels[key] = value
	}
	return node.Module{
		Name: h.Name, Labels: labels, Taints: taints(h), API: b.api(),
		APIServer: b.server(), Kubelet: address.Of("kubelet", h.Name),
	}
}

// taints are the spec's, and one for a control-plane host that is no worker.
func taints(h *spec.Host) []node.Taint {
	var list []node.Taint
	if h.Has(spec.ControlPlane) && !h.Has(spec.Worker) {
		list = append(list, node.ControlPlaneTaint())
	}
	for _, t := range h.Taints {
		list = append(list, node.Taint(t))
	}
	return list
}

// kubeletTaints are the same, for the moment at which the Node registers: no
// pod slips in before.
func kubeletTaints(h *spec.Host) []kubelet.Taint {
	var list []kubelet.Taint
	for _, t := range taints(h) {
		list = append(list, kubelet.Taint(t))
	}
	return list
}

// images go to every node; which node a pod lands on is not known.
func (b *builder) images() []image.Image {
	var list []image.Image
	for _, i := range b.Images {
		p := component.Program{Name: "image " + i.Key, Source: i.Source, SHA256: i.SHA256}
		list = append(list, image.Image{Name: i.Name, SHA256: i.SHA256, Source: b.world.Sources.Of(p)})
	}
	return list
}

// upstream is where CoreDNS asks for names outside the cluster: what its node
// uses, unless a node has no resolver that can be reached from a pod. One on
// the loopback is CoreDNS itself there.
func (b *builder) upstream() []string {
	for _, h := range b.hosts {
		if !slices.ContainsFunc(b.facts[h.Name].Resolvers, func(r string) bool {
			a, err := netip.ParseAddr(r)
			return err == nil && !a.IsLoopback()
		}) {
			return nil
		}
	}
	return []string{"/etc/resolv.conf"}
}
