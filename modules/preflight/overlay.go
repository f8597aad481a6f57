package preflight

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

// overlayProto is an edge between two hosts' addresses on the pod network,
// where that runs already. ICMP is what firewalls of hosts let through; the
// traffic of pods is not theirs.
const overlayProto = "overlay"

// overlay adds the pairs of hosts on both of which the pod network runs.
func (r *round) overlay() {
	if r.Overhead == 0 {
		return
	}
	live := map[string]bool{}
	for _, name := range r.names {
		live[name] = r.live(r.peers[name])
	}
	seen := map[[2]string]bool{}
	for _, e := range slices.Clone(r.edges) {
		pair := [2]string{e.From, e.To}
		if e.Proto != "udp" || seen[pair] || !live[e.From] || !live[e.To] {
			continue
		}
		seen[pair] = true
		r.edges = append(r.edges, &edgeState{index: len(r.edges),
			Edge: Edge{From: e.From, To: e.To, Proto: overlayProto, Why: "pod network itself"}})
	}
}

// live tells if the pod network runs on a host: flanneld, or the kernel for
// it, holds its port, and its interface is there.
func (r *round) live(p *peer) bool {
	if p.err != nil || p.lock != nil || p.overlayAddr() == "" {
		return false
	}
	for i, port := range p.ports {
		if port.Proto == "udp" && i < len(p.binds) && bindState(port, p.binds[i]) == InUse {
			return true
		}
	}
	return false
}

// overlayAddr is that of flannel's interface: flannel0, flannel.1, flannel-wg.
func (p *peer) overlayAddr() string {
	for _, l := range p.net.Links {
		if !l.Up || !strings.HasPrefix(l.Name, "flannel") {
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

// explainSilence asks hosts that connections did not get an answer from
// whether they came: that costs them milliseconds, so it is not always done.
func (r *round) explainSilence(ctx context.Context) {
	asked := map[string]bool{}
	for _, e := range r.edges {
		if e.dialled && e.Proto == "tcp" && e.res.Outcome == host.Filtered {
			asked[e.To] = true
		}
	}
	if len(asked) == 0 {
		return
	}
	r.each(ctx, callTime, func(ctx context.Context, p *peer) error {
		if !asked[p.name] {
			return nil
		}
		_, err := p.host.ProbeListen(ctx, host.ListenRequest{ID: r.id, Host: p.name, Half: true})
		return err
	})
}
