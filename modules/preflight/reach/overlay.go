package reach

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// overlayProto is the protocol of an edge between two hosts' addresses on a
// pod network that runs already. It is dialled with ICMP, which firewalls of
// hosts let through.
const overlayProto = "overlay"

// icmpProto is the protocol of an edge that only measures the path, by an
// echo of the other kernel, because the network backend sends no datagrams of
// its own. The cluster does not need the echo: if none comes back, nothing is
// known.
const icmpProto = "icmp"

// bridge is the interface that connects the pods of a host.
const bridge = "cni0"

// overlay adds an edge for each pair of hosts on which the pod network runs.
func (r *round) overlay() {
	seen := map[[2]string]bool{}
	for _, e := range slices.Clone(r.edges) {
		pair := [2]string{e.From, e.To}
		if e.Proto != "udp" && e.Proto != icmpProto || seen[pair] {
			continue
		}
		seen[pair] = true
		if e.from == nil || e.to == nil || !r.joined(e.from, e.to) {
			continue
		}
		r.edges = append(r.edges, &edgeState{index: len(r.edges), from: e.from, to: e.to,
			Edge: preflight.Edge{From: e.From, To: e.To, Proto: overlayProto, Why: "pod network itself"}})
	}
}

// joined reports whether the pod network runs on both hosts. Without
// encapsulation it consists of routes, from each host through the other.
func (r *round) joined(a, b *peer) bool {
	if r.Routed {
		return r.routes(a, b) && r.routes(b, a)
	}
	return r.Overhead > 0 && r.live(a) && r.live(b)
}

// routes reports whether a host has a route to the other's pods.
func (r *round) routes(from, to *peer) bool {
	if from.err != nil || to.err != nil || from.lock != nil || to.lock != nil {
		return false
	}
	pods, err := netip.ParseAddr(r.overlayAddr(to))
	return err == nil && slices.ContainsFunc(from.net.Routes, func(n host.NetRoute) bool {
		dst, err := netip.ParsePrefix(n.Dst)
		return err == nil && dst.Bits() > 0 && dst.Contains(pods) && n.Via == r.Addresses[to.name]
	})
}

// live reports whether the pod network runs on a host: its port is held by
// flanneld, or by the kernel for flanneld, and its interface exists.
func (r *round) live(p *peer) bool {
	if p.err != nil || p.lock != nil || r.overlayAddr(p) == "" {
		return false
	}
	for i, port := range p.ports {
		if port.Proto == "udp" && i < len(p.binds) && bindState(port, p.binds[i]) == preflight.InUse {
			return true
		}
	}
	return false
}

// overlayAddr returns a host's own address on the pod network: that of
// flannel's interface (flannel0, flannel.1, flannel-wg), or of the bridge if
// the backend is routes. It returns "" if there is none.
func (r *round) overlayAddr(p *peer) string {
	dev := "flannel"
	if r.Routed {
		dev = bridge
	}
	for _, l := range p.net.Links {
		if !l.Up || !strings.HasPrefix(l.Name, dev) {
			continue
		}
		for _, a := range l.Addrs {
			if n, err := netip.ParsePrefix(a); err == nil && n.Addr().Is4() {
				return n.Addr().String()
			}
		}
	}
	return ""
}
