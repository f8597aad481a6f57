package reach

import (
	"fmt"
	"slices"
	"time"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

// setClock compares the host's clock at the end of its dials with ours. All
// the time that the call took beside the dials may have been spent on the
// answer's way, so the difference is that uncertain; the least uncertain call
// of the round counts.
func (p *peer) setClock(sent, received time.Time) {
	vague := max(received.Sub(sent)-p.self.Took, 0)
	if p.self.Now.IsZero() || p.timed && vague >= p.vague {
		return
	}
	p.clock, p.vague, p.timed = p.self.Now.Round(0).Sub(received.Round(0)), vague, true
}

// clocks compares the hosts' clocks with each other, not with ours. A
// difference that slow answers can explain is no finding.
func (r *round) clocks() []preflight.Finding {
	var first, last *peer
	for _, name := range r.names {
		p := r.peers[name]
		if !p.timed {
			continue
		}
		if first == nil || p.clock+p.vague < first.clock+first.vague {
			first = p
		}
		if last == nil || p.clock > last.clock {
			last = p
		}
	}
	if first == nil || last.clock-first.clock-first.vague <= r.ClockSkew {
		return nil
	}
	return r.skewed(first, last)
}

// skewed names the hosts that are far from the median of at least three, or
// else the two that differ most.
func (r *round) skewed(first, last *peer) []preflight.Finding {
	var clocks, vague []time.Duration
	for _, name := range r.names {
		if p := r.peers[name]; p.timed {
			clocks, vague = append(clocks, p.clock), append(vague, p.vague)
		}
	}
	mid, about := median(clocks), median(vague)
	var out []preflight.Finding
	for _, name := range r.names {
		p := r.peers[name]
		if d := p.clock - mid; p.timed && len(clocks) > 2 && d.Abs()-p.vague-about > r.ClockSkew {
			out = append(out, preflight.NewFinding(preflight.Clock, name, fmt.Sprintf("the clock of %s is %s %s the others'", name, round10(d.Abs()), side(d)),
				fmt.Sprintf("at most %s apart", r.ClockSkew)))
		}
	}
	if out == nil {
		out = append(out, preflight.NewFinding(preflight.Clock, "", fmt.Sprintf("the clock of %s is %s ahead of %s's", last.name, round10(last.clock-first.clock), first.name),
			fmt.Sprintf("at most %s apart", r.ClockSkew)))
	}
	return out
}

func side(d time.Duration) string {
	if d < 0 {
		return "behind"
	}
	return "ahead of"
}

func round10(d time.Duration) time.Duration {
	if d > 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(100 * time.Millisecond)
}

// median does not sort in itself.
func median(in []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(in))
	return s[(len(s)-1)/2]
}
