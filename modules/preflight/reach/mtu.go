package reach

import (
	"fmt"
	"net/netip"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// linkMTU returns the MTU of the interface with an address; 0 if it is not
// known.
func (p *peer) linkMTU(addr string) int {
	for _, l := range p.net.Links {
		for _, a := range l.Addrs {
			if n, err := netip.ParsePrefix(a); err == nil && n.Addr().String() == addr {
				return l.MTU
			}
		}
	}
	return 0
}

// fullOf returns a dial of an edge with datagrams of size bytes.
func (r *round) fullOf(e *edgeState, size int, nonce string) host.Dial {
	return host.Dial{Proto: e.Proto, Addr: e.to.addr, Port: e.Port, Host: e.To, Nonce: nonce, Shape: e.Shape, Size: size}
}

// tooBig reports whether small datagrams pass and full-size ones do not.
func (e *edgeState) tooBig() bool {
	return e.dialled && e.full != nil && e.res.Outcome == host.OK
}

// judgeSize adds the verdict on full-size datagrams if small ones pass.
func (r *round) judgeSize(e *edgeState, out *preflight.EdgeResult, came arrivals) {
	if e.size == 0 || !out.Verdict.Passes() {
		return
	}
	out.Size = e.size
	if e.full == nil || came.full[e.index] {
		return
	}
	out.Verdict, out.Passes = preflight.TooBig, e.passes
	out.Detail = fmt.Sprintf("packets of %d bytes are %s", e.size, r.lostHow(*e.full))
	if e.passes > leastSize {
		out.Detail += fmt.Sprintf(", %d bytes pass", e.passes)
	}
}

func (r *round) lostHow(d host.Dialled) string {
	by := ""
	if d.By != "" {
		by = " by " + d.By
	}
	switch d.Outcome {
	case host.Filtered:
		return "dropped without a word"
	case host.TooBig:
		return "refused as too big" + by
	}
	return string(d.Outcome) + by
}

// pathMTU returns what all pairs carry; nil if no full-size datagram was
// tried. Pairs over which nothing passes do not count.
func (r *round) pathMTU(edges []preflight.EdgeResult) *preflight.PathMTU {
	m := &preflight.PathMTU{Overhead: r.Overhead}
	for _, e := range edges {
		path := e.Size
		if e.Verdict == preflight.TooBig {
			path = e.Passes
		}
		if e.Size > 0 && path > leastSize && (m.Path == 0 || path < m.Path) {
			m.Path = path
		}
		m.Flannel = max(m.Flannel, e.Size-r.Overhead)
	}
	if m.Path == 0 {
		return nil
	}
	m.Overlay = m.Path - m.Overhead
	return m
}

// advice returns what is expected of paths, and what to do about paths that
// carry less.
func advice(m *preflight.PathMTU) (expected, do string) {
	if m == nil {
		c, _ := preflight.Find(preflight.SmallPath)
		return "", c.Do
	}
	full := m.Flannel + m.Overhead
	expected = fmt.Sprintf("%d bytes, since flannel takes an MTU of %d for the pods", full, m.Flannel)
	do = fmt.Sprintf("Let packets of %d bytes pass between the hosts.", full)
	if m.Path < full {
		do += fmt.Sprintf(" Or set the MTU of their interfaces to %d: the pods' is then %d.", m.Path, m.Overlay)
	}
	return expected, do
}
