package plan

import (
	"net"
	"strconv"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/apiserver"
	"github.com/pmkctl/pmkctl/modules/containerd"
	"github.com/pmkctl/pmkctl/modules/controllermanager"
	"github.com/pmkctl/pmkctl/modules/etcd"
	"github.com/pmkctl/pmkctl/modules/flannel"
	"github.com/pmkctl/pmkctl/modules/image"
	"github.com/pmkctl/pmkctl/modules/kubelet"
	"github.com/pmkctl/pmkctl/modules/kubeproxy"
	"github.com/pmkctl/pmkctl/modules/object"
	"github.com/pmkctl/pmkctl/modules/scheduler"
	"github.com/pmkctl/pmkctl/spec"
)

// AdminGroup is the group for people whom the objects of the step rbac make
// cluster-admin. Unlike system:masters, this can be revoked.
const AdminGroup = "pmkctl:cluster-admins"

// ServerURL returns the URL at which clients reach the API server.
func ServerURL(c *spec.Cluster) string {
	return "https://" + net.JoinHostPort(c.API.Endpoint, strconv.Itoa(c.API.Port))
}

// etcd adds the steps of the members. On a new cluster they start together,
// because each waits for a majority. On a live one they take turns.
func (b *builder) etcd() {
	var members []etcd.Member
	for _, h := range b.Hosts {
		if h.Has(spec.Etcd) {
			members = append(members, memberOf(h))
		}
	}
	var before []address.Addr
	for i, h := range b.with(spec.Etcd) {
		_, was := b.world.Records[h.Name].Owns[etcdUnit]
		step := b.add("etcd", h, etcd.New(etcd.Etcd{
			Member: memberOf(h), Members: members, Token: b.Name, Started: was && hasAPIServer(b.Cluster, b.world.Records),
			Settings: b.Settings.Etcd.Settings, Binary: b.sha256("etcd"),
		}), append(b.on(h, "programs", "certificates"), b.trusted(h)...)...)
		if i > 0 && b.live {
			step.After, step.Turns = append(step.After, before...), before
		}
		before = []address.Addr{step.Addr}
	}
}

// memberOf returns the etcd member of a host.
func memberOf(h *spec.Host) etcd.Member {
	return etcd.Member{Name: h.Name, Address: h.Address.String()}
}

// controlPlane adds the API server of a host, its controller manager and its
// scheduler.
func (b *builder) controlPlane(h *spec.Host) {
	s := b.Settings
	after := append(b.on(h, "programs", "certificates", "kubeconfigs"), b.trusted(h)...)
	for _, e := range b.with(spec.Etcd) {
		after = append(after, address.Of("etcd", e.Name))
	}
	if h == b.signer() {
		after = append(after, address.Of("service-accounts", h.Name))
	}
	b.add("kube-apiserver", h, apiserver.New(apiserver.APIServer{
		Address: h.Address.String(), Port: b.API.Port, Etcd: b.etcdURLs(h), ServiceCIDR: b.ServiceCIDR.String(), Domain: b.Domain,
		Settings: s.APIServer.Settings, Binary: b.sha256("kube-apiserver"),
	}), after...)
	server := address.Of("kube-apiserver", h.Name)
	b.add("kube-controller-manager", h, controllermanager.New(controllermanager.ControllerManager{
		PodCIDR: b.PodCIDR.String(), ServiceCIDR: b.ServiceCIDR.String(), Settings: s.ControllerManager.Settings,
		Binary:     b.sha256("kube-controller-manager"),
		Kubeconfig: b.kubeconfig("kube-controller-manager", "kube-controller-manager", "system:kube-controller-manager", "kube").Digest(),
	}), server)
	b.add("kube-scheduler", h, scheduler.New(scheduler.Scheduler{
		Settings: s.Scheduler.Settings, Binary: b.sha256("kube-scheduler"),
		Kubeconfig: b.kubeconfig("kube-scheduler", "kube-scheduler", "system:kube-scheduler", "kube").Digest(),
	}), server)
}

// etcdURLs returns the client URLs of all members, the host's own first.
func (b *builder) etcdURLs(h *spec.Host) []string {
	var own, others []string
	for _, e := range b.Hosts {
		if !e.Has(spec.Etcd) {
			continue
		}
		if e == h {
			own = append(own, memberOf(e).ClientURL())
		} else {
			others = append(others, memberOf(e).ClientURL())
		}
	}
	return append(own, others...)
}

// access adds the step for the permissions of pmkctl's own identities.
func (b *builder) access() error {
	objects, err := object.RBAC()
	if err != nil {
		return err
	}
	m := object.Module{Objects: objects, APIServer: b.server()}
	m.Delete = b.unwanted("rbac", b.apiHost(), m)
	b.add("rbac", b.apiHost(), m, b.server())
	return nil
}

// server returns the step that all requests to the API wait for.
func (b *builder) server() address.Addr { return address.Of("kube-apiserver", b.apiHost().Name) }

// node adds the steps that make a host a node: container runtime, images, kubelet,
// service proxy, pod network, and the labels and readiness of its Node.
func (b *builder) node(h *spec.Host) {
	s := b.Settings
	b.add("containerd", h, containerd.New(containerd.Containerd{
		Sandbox: b.image("pause").Name, Settings: s.Containerd.Settings,
		Programs: []string{b.sha256("containerd"), b.sha256("containerd-shim-runc-v2"), b.sha256("runc")},
	}), append(b.on(h, "kernel", "programs"), b.turn(h)...)...).Turns = b.turn(h)
	b.add("images", h, image.Module{Images: b.images(), Containerd: address.Of("containerd", h.Name)}, b.on(h, "containerd")...)
	b.add("kubelet", h, kubelet.New(kubelet.Kubelet{
		Node: h.Name, IP: h.Address.String(), ClusterDNS: []string{object.DNSAddress(b.ServiceCIDR).String()}, ClusterDomain: b.Domain,
		Taints: kubeletTaints(h), Settings: b.kubelet(h).Settings, Binary: b.sha256("kubelet"),
		Kubeconfig: b.kubeconfig("kubelet", "kubelet-client", "system:node:"+h.Name, "").Digest(),
	}), append(append(b.on(h, "containerd", "images", "certificates", "kubeconfigs"), b.trusted(h)...), b.server())...)
	b.add("kube-proxy", h, kubeproxy.New(kubeproxy.Proxy{
		Node: h.Name, PodCIDR: b.PodCIDR.String(), Mode: s.KubeProxy.Mode, Settings: s.KubeProxy.Settings,
		Binary: b.sha256("kube-proxy"), Kubeconfig: b.kubeconfig("kube-proxy", "kube-proxy", "system:kube-proxy", "").Digest(),
	}), b.on(h, "kubelet")...)
	b.add("flannel", h, flannel.New(flannel.Flannel{
		Node: h.Name, Iface: h.Address.String(), PodCIDR: b.PodCIDR, Backend: b.Network.Backend, Port: b.Network.Port, API: b.api(),
		Settings: s.Flannel.Settings, Binary: b.sha256("flanneld"), Kubeconfig: b.kubeconfig("flannel", "flannel", "system:flannel", "").Digest(),
	}), append(b.on(h, "kubelet"), address.Of("rbac", b.apiHost().Name), address.Of("kube-controller-manager", b.apiHost().Name))...)
	b.add("node", h, b.nodeModule(h), b.on(h, "flannel", "kube-proxy")...)
}

// kubelet returns the settings for a host's kubelet: the host's own ones override
// those for all hosts.
func (b *builder) kubelet(h *spec.Host) spec.Passthrough {
	return spec.Overlay(b.Settings.Kubelet, h.Kubelet)
}

// turn returns the step that a host waits for so that hosts of a live cluster take
// turns: the node step of the host that is max_unavailable places before it. A
// host that was no node before waits for none.
func (b *builder) turn(h *spec.Host) []address.Addr {
	var members []*spec.Host
	for _, other := range b.hosts {
		if b.wasNode(other) {
			members = append(members, other)
		}
	}
	for i, other := range members {
		if other == h && i >= b.MaxUnavailable {
			return []address.Addr{address.Of("node", members[i-b.MaxUnavailable].Name)}
		}
	}
	return nil
}

// wasNode reports whether an earlier apply made the host a node. Its record then
// has flannel, which comes after the kubelet. A host whose apply was interrupted
// before has no pods to wait for.
func (b *builder) wasNode(h *spec.Host) bool {
	_, ok := b.world.Records[h.Name].Owns["flanneld.service"]
	return ok
}

// dns adds the objects of CoreDNS, and the step that waits until it is available.
func (b *builder) dns() error {
	m := b.apiHost()
	dns := b.Settings.CoreDNS.Config
	objects, err := object.CoreDNS(object.DNS{
		Image: b.image("coredns").Name, ClusterIP: object.DNSAddress(b.ServiceCIDR), Domain: b.Domain, Upstream: b.upstream(),
		Replicas: dns.Replicas, Corefile: dns.Corefile})
	if err != nil {
		return err
	}
	// When this node is Ready most others are too, so the replicas do not all
	// go to the first node.
	work := object.Module{Objects: objects, APIServer: b.server()}
	work.Delete = b.unwanted("coredns", m, work)
	b.add("coredns", m, work, b.server(), address.Of("node", m.Name))
	after := []address.Addr{address.Of("coredns", m.Name), address.Of("kube-controller-manager", m.Name), address.Of("kube-scheduler", m.Name)}
	for _, h := range b.hosts {
		after = append(after, address.Of("node", h.Name))
	}
	b.add("dns", m, object.Rollout{Namespace: "kube-system", Name: "coredns",
		APIServer: b.server(), Objects: address.Of("coredns", m.Name)}, after...)
	return nil
}

// on returns the steps of a host by the names of their modules.
func (b *builder) on(h *spec.Host, names ...string) []address.Addr {
	var list []address.Addr
	for _, n := range names {
		list = append(list, address.Of(n, h.Name))
	}
	return list
}

// trusted returns the steps after which the host trusts the CAs.
func (b *builder) trusted(h *spec.Host) []address.Addr {
	if h == b.signer() {
		return b.caSteps()
	}
	return b.on(h, "trust")
}

func (b *builder) image(key string) spec.Image {
	for _, i := range b.Images {
		if i.Key == key {
			return i
		}
	}
	return spec.Image{}
}

// Footprints returns the footprints of all services that pmkctl installs. They do
// not depend on the spec, because a departing host may have services that the
// spec does not name any more.
func Footprints() modules.Footprints {
	return modules.Footprints{
		etcd.Etcd{}.Service().Footprint(),
		apiserver.APIServer{}.Service().Footprint(),
		controllermanager.ControllerManager{}.Service().Footprint(),
		scheduler.Scheduler{}.Service().Footprint(),
		containerd.Containerd{}.Service().Footprint(),
		kubelet.Kubelet{}.Service().Footprint(),
		flannel.Flannel{}.Service().Footprint(),
		kubeproxy.Proxy{}.Service().Footprint(),
	}
}
