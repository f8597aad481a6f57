package reach

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// clocks compares the hosts' clocks with each other, not with ours. What load
// or distance may explain is no difference.
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

// skewed names the hosts that are far from most of the others; two that
// disagree are both named.
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

// twins finds hosts that cannot be told apart.
func (r *round) twins() []preflight.Finding {
	var out []preflight.Finding
	out = append(out, r.same(preflight.SameHostname, "hostname", func(f host.Facts) string { return f.Hostname })...)
	out = append(out, r.same(preflight.SameMachineID, "machine-id", func(f host.Facts) string { return f.MachineID })...)
	return append(out, r.same(preflight.SameProductUUID, "product UUID", func(f host.Facts) string {
		if f.InContainer() {
			return "" // all share that of the machine they are on
		}
		return f.ProductUUID
	})...)
}

func (r *round) same(id, what string, of func(host.Facts) string) []preflight.Finding {
	owners := map[string][]string{}
	var order []string
	for _, name := range r.names {
		v := of(r.peers[name].facts)
		if v == "" {
			continue
		}
		if owners[v] == nil {
			order = append(order, v)
		}
		owners[v] = append(owners[v], name)
	}
	var out []preflight.Finding
	for _, v := range order {
		if len(owners[v]) > 1 {
			out = append(out, preflight.NewFinding(id, "", fmt.Sprintf("%s have the same %s, %s", strings.Join(owners[v], " and "), what, v), "different ones"))
		}
	}
	return out
}

// median is the middle one; in is left as it is.
func median(in []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(in))
	return s[(len(s)-1)/2]
}
