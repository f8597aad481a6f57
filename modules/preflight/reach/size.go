package reach

import (
	"context"
	"slices"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// Bounds of the search for the size that passes.
const (
	mostMeasured = 40                     // edges
	rungWait     = 240 * time.Millisecond // for six datagrams
	leastSize    = 256                    // bytes; every edge that is measured carries small datagrams
	rungs        = 16                     // sizes tried at a time
	searches     = 4
)

// usual holds sizes that networks carry: with PPPoE, tunnels, other overlays.
var usual = []int{576, 1000, 1200, 1280, 1300, 1350, 1376, 1380, 1400, 1410, 1420, 1422, 1430, 1440, 1442, 1446, 1450, 1454, 1460, 1462, 1472, 1476, 1480, 1492, 1500, 8950, 9000}

// A search looks for the largest size that passes on an edge.
type search struct {
	*edgeState
	passes, fails int
	sizes         []int // that are tried now
}

// measure finds the largest size that passes on edges that full-size
// datagrams do not pass. It tries many sizes at a time, usual ones first.
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

// next returns the sizes to try between what passes and what fails.
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

// learn narrows the search: to the largest size that passed, and the smallest
// above it that failed.
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
