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

// nodeModule returns the module for the Node of a host: labels, taints, readiness.
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

// taints returns the taints of the spec, and the one of a control-plane host that
// is no worker.
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

// kubeletTaints returns the same taints for the kubelet. It registers the Node
// with them, so that no pod starts there before.
func kubeletTaints(h *spec.Host) []kubelet.Taint {
	var list []kubelet.Taint
	for _, t := range taints(h) {
		list = append(list, kubelet.Taint(t))
	}
	return list
}

// images returns all images. Every node gets them, because any node may run the
// pods.
func (b *builder) images() []image.Image {
	var list []image.Image
	for _, i := range b.Images {
		p := component.File{Name: "image " + i.Key, Source: i.Source, SHA256: i.SHA256}
		list = append(list, image.Image{Name: i.Name, SHA256: i.SHA256, Source: b.world.Sources.Of(p)})
	}
	return list
}

// upstream returns where CoreDNS asks for names outside the cluster: the resolvers
// of its node. It returns nil if a node has no resolver outside the loopback: in a
// pod such an address is CoreDNS itself.
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
