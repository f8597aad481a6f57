package reach

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// overlayProto is an edge between two hosts' addresses on the pod network,
// where that runs already. ICMP is what firewalls of hosts let through; the
// traffic of pods is not theirs.
const overlayProto = "overlay"

// icmpProto is an edge that is an echo by the kernel at the other end, which
// measures the path where no datagram of ours would travel. It is not needed
// itself: where nothing comes back, nothing is known.
const icmpProto = "icmp"

// bridge is the one that the pods of a host are on.
const bridge = "cni0"

// overlay adds the pairs of hosts on both of which the pod network runs.
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

// joined tells if the pod network runs on both hosts. Without encapsulation
// that is routes, each through the other.
func (r *round) joined(a, b *peer) bool {
	if r.Routed {
		return r.routes(a, b) && r.routes(b, a)
	}
	return r.Overhead > 0 && r.live(a) && r.live(b)
}

// routes tells if a host has a route to the other's pods.
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

// live tells if the pod network runs on a host: flanneld, or the kernel for
// it, holds its port, and its interface is there.
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

// overlayAddr is a host's own on the pod network: that of flannel's interface
// (flannel0, flannel.1, flannel-wg), or of the bridge where there is none.
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
