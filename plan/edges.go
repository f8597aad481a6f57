package plan

import (
	"fmt"
	"net"
	"strconv"

	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/spec"
)

// Default ports. Most can be changed by settings that the spec passes through to
// the service.
const (
	etcdClientPort  = 2379
	etcdPeerPort    = 2380
	etcdMetricsPort = 2381
	kubeletPort     = 10250
)

const loopback = "127.0.0.1"

// Ports returns the ports that the services of a host bind, in the order in which
// the services are started.
func Ports(c *spec.Cluster, h *spec.Host) []preflight.Port {
	addr := h.Address.String()
	var list []preflight.Port
	add := func(proto, addr string, port int, unit, why string) {
		if port > 0 {
			list = append(list, preflight.Port{Proto: proto, Addr: addr, Port: port, Unit: unit + ".service", Why: why})
		}
	}
	s := c.Settings
	if h.Has(spec.Etcd) {
		add("tcp", addr, etcdClientPort, "etcd", "etcd for clients")
		add("tcp", loopback, etcdClientPort, "etcd", "etcd for clients")
		add("tcp", addr, etcdPeerPort, "etcd", "etcd for its peers")
		add("tcp", loopback, etcdMetricsPort, "etcd", "etcd's health")
	}
	if h.Has(spec.ControlPlane) {
		add("tcp", "", c.API.Port, "kube-apiserver", "API server")
		add("tcp", loopback, flagPort(s.ControllerManager, "secure-port", 10257), "kube-controller-manager", "controller manager")
		add("tcp", loopback, flagPort(s.Scheduler, "secure-port", 10259), "kube-scheduler", "scheduler")
	}
	k := spec.Overlay(s.Kubelet, h.Kubelet)
	add("tcp", "", kubeletAPI(c, h), "kubelet", "kubelet")
	add("tcp", configText(k, "healthzBindAddress", loopback), configPort(k, "healthzPort", 10248), "kubelet", "kubelet's health")
	proxy := s.KubeProxy.Passthrough
	for _, p := range []struct{ field, def, why string }{
		{"healthzBindAddress", ":10256", "kube-proxy's health"},
		{"metricsBindAddress", loopback + ":10249", "kube-proxy's metrics"},
	} {
		addr, port := hostPort(configText(proxy, p.field, p.def))
		add("tcp", addr, port, "kube-proxy", p.why)
	}
	if port := overlayPort(c); port > 0 {
		add("udp", addr, port, "flanneld", "pod network")
		list[len(list)-1].Kernel = c.Network.Backend != "udp"
	}
	add("tcp", "", flagPort(s.Flannel, "healthz-port", 0), "flanneld", "flannel's health")
	return list
}

// Edges returns the ordered pairs of hosts that must reach each other, with the
// ports. The field Why names the use of an edge.
func Edges(c *spec.Cluster) []preflight.Edge {
	var list []preflight.Edge
	for _, from := range c.Hosts {
		for _, to := range c.Hosts {
			if from != to {
				list = append(list, edges(c, from, to)...)
			}
		}
	}
	return list
}

func edges(c *spec.Cluster, from, to *spec.Host) []preflight.Edge {
	var list []preflight.Edge
	add := func(proto string, port int, why string) {
		list = append(list, preflight.Edge{From: from.Name, To: to.Name, Proto: proto, Port: port, Why: why})
	}
	if to.Has(spec.ControlPlane) {
		add("tcp", c.API.Port, "API server")
	}
	if to.Has(spec.Etcd) && (from.Has(spec.ControlPlane) || from.Has(spec.Etcd)) {
		add("tcp", etcdClientPort, "etcd for clients")
	}
	if to.Has(spec.Etcd) && from.Has(spec.Etcd) {
		add("tcp", etcdPeerPort, "etcd for its peers")
	}
	// The API server needs every kubelet. So does a metrics server, which may
	// run on any host.
	add("tcp", kubeletAPI(c, to), "kubelet")
	if port := overlayPort(c); port > 0 {
		add("udp", port, "pod network")
		list[len(list)-1].Shape = shapes[c.Network.Backend]
	} else {
		add("icmp", 0, "path of the pods' packets")
	}
	return list
}

// shapes are the forms of datagrams that a backend sends, by the name that the
// probe gives them. A backend without a UDP port has none.
var shapes = map[string]string{"udp": "flannel-udp", "vxlan": "vxlan", "wireguard": "wireguard"}

// overheads are the bytes that a backend puts around a packet, as flannel counts
// them.
var overheads = map[string]int{"udp": 28, "vxlan": 50, "wireguard": 80}

// overlayPort returns the UDP port of the pod network; 0 if the backend has none.
func overlayPort(c *spec.Cluster) int {
	if shapes[c.Network.Backend] == "" {
		return 0
	}
	return c.Network.Port
}

func kubeletAPI(c *spec.Cluster, h *spec.Host) int {
	return configPort(spec.Overlay(c.Settings.Kubelet, h.Kubelet), "port", kubeletPort)
}

func configText(p spec.Passthrough, field, def string) string {
	if v, ok := p.Config[field].(string); ok && v != "" {
		return v
	}
	return def
}

// configPort reads a port. It may be a number of any type, or a string.
func configPort(p spec.Passthrough, field string, def int) int {
	v, ok := p.Config[field]
	if !ok {
		return def
	}
	return atoi(fmt.Sprint(v), def)
}

func flagPort(p spec.Passthrough, flag string, def int) int { return atoi(p.Flags[flag], def) }

func atoi(s string, def int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return def
}

// hostPort splits an address to bind. The address "" stands for all addresses of
// the host. Port 0 means that s is no address with a port.
func hostPort(s string) (string, int) {
	addr, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0
	}
	if ip := net.ParseIP(addr); ip != nil && ip.IsUnspecified() {
		addr = ""
	}
	return addr, atoi(port, 0)
}
