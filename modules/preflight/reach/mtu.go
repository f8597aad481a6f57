package reach

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// linkMTU is that of the interface with an address; 0 if it is not known.
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

// fullOf is a dial of an edge with datagrams of a size.
func (r *round) fullOf(e *edgeState, size int, nonce string) host.Dial {
	return host.Dial{Proto: e.Proto, Addr: e.to.addr, Port: e.Port, Host: e.To, Nonce: nonce, Shape: e.Shape, Size: size}
}

// tooBig tells if small datagrams pass and full-size ones do not.
func (e *edgeState) tooBig() bool {
	return e.dialled && e.full != nil && e.res.Outcome == host.OK
}

// Bounds of the search for the size that passes.
const (
	mostMeasured = 40                     // edges
	rungWait     = 240 * time.Millisecond // six datagrams
	leastSize    = 256                    // every edge that is measured carries small datagrams
	rungs        = 16                     // sizes tried at a time
	searches     = 4
)

// usual are sizes that networks carry: with PPPoE, tunnels, other overlays.
var usual = []int{576, 1000, 1200, 1280, 1300, 1350, 1376, 1380, 1400, 1410, 1420, 1422, 1430, 1440, 1442, 1446, 1450, 1454, 1460, 1462, 1472, 1476, 1480, 1492, 1500, 8950, 9000}

// A search is for the size that passes on an edge.
type search struct {
	*edgeState
	passes, fails int
	sizes         []int // under way
}

// measure finds what size passes on edges that full-size datagrams do not.
// Many sizes are tried at a time; a size that is usual is found at once.
func (r *round) measure(ctx context.Context) {
	var all []*search
	for _, e := range r.edges {
		if e.tooBig() && len(all) < mostMeasured {
			all = append(all, &search{edgeState: e, passes: leastSize, fails: e.size})
		}
	}
	for try := range searches {
		byHost := map[string][]*search{}
		for _, s := range all {
			if s.sizes = s.next(try); len(s.sizes) > 0 {
				byHost[s.From] = append(byHost[s.From], s)
			}
		}
		if len(byHost) == 0 || ctx.Err() != nil {
			break
		}
		r.tryRungs(ctx, byHost)
	}
	for _, s := range all {
		s.edgeState.passes = s.passes
	}
}

// next are the sizes to try between what passes and what fails.
func (s *search) next(try int) (sizes []int) {
	add := func(n int) {
		if n > s.passes && n < s.fails {
			sizes = append(sizes, n)
		}
	}
	if try == 0 {
		for _, n := range append([]int{s.full.MTU}, usual...) {
			add(n)
			add(n + 1)
		}
	}
	for i := 1; try > 0 && i <= rungs; i++ {
		add(s.passes + (s.fails-s.passes)*i/(rungs+1))
		if s.fails-s.passes <= rungs {
			add(s.passes + i)
		}
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

func (r *round) tryRungs(ctx context.Context, byHost map[string][]*search) {
	r.each(ctx, rungWait+callTime, func(ctx context.Context, p *peer) error {
		var dials []host.Dial
		for _, s := range byHost[p.name] {
			for _, size := range s.sizes {
				dials = append(dials, r.fullOf(s.edgeState, size, nonce(r.base, kindRung<<kindShift|len(dials))))
			}
		}
		if len(dials) == 0 {
			return nil
		}
		got, err := r.ask(ctx, p, dials, rungWait)
		if err != nil {
			return err
		}
		for _, s := range byHost[p.name] {
			s.learn(got[:len(s.sizes)])
			got = got[len(s.sizes):]
		}
		return nil
	})
}

// learn takes the largest size that passed, and the smallest that failed
// above it.
func (s *search) learn(got []host.Dialled) {
	for i, d := range got {
		if d.Outcome == host.OK {
			s.passes = max(s.passes, s.sizes[i])
		}
	}
	for i, d := range got {
		if d.Outcome != host.OK && s.sizes[i] > s.passes {
			s.fails = min(s.fails, s.sizes[i])
		}
	}
}

// judgeSize adds what became of full-size datagrams where small ones pass.
func (r *round) judgeSize(e *edgeState, out *preflight.EdgeResult, came cameAt) {
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

// pathMTU is what all pairs carry; nil where no full-size datagram was tried.
// Pairs that do not pass at all do not count.
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

// advice is what is expected of paths, and what to do about those that are
// too small.
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
