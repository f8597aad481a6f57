package graphview

import (
	"cmp"
	"slices"
)

// rank gives every module a column: one behind the last that any of its
// steps waits for. Where hosts take turns a module waits, on another host,
// for one that stands behind it; such an edge is a turn and has no say, or a
// graph of 100 hosts would be 100 times as wide.
func (g *Graph) rank() {
	var m ranks
	of := make([]int, len(g.Nodes))
	at := map[string]int{}
	for i, n := range g.Nodes {
		if _, ok := at[n.Module]; !ok {
			at[n.Module] = len(m.after)
			m.after = append(m.after, nil)
		}
		of[i] = at[n.Module]
	}
	between := func(e Edge) bool {
		from, to := g.Nodes[e.From].Host, g.Nodes[e.To].Host
		return from != to && from != "" && to != ""
	}
	for _, hosts := range []bool{false, true} { // what a host does for itself says more
		for i, e := range g.Edges {
			if between(e) == hosts && !(g.Collapsed && e.Turn) {
				g.Edges[i].Turn = !m.add(of[e.From], of[e.To])
			}
		}
	}
	rank := make([]int, len(m.after))
	for i := range rank {
		rank[i] = -1
	}
	for i := range g.Nodes {
		g.Nodes[i].Rank = m.longest(of[i], rank)
	}
}

// ranks are modules and what they wait for, without a cycle.
type ranks struct{ after [][]int }

// add lets a module wait for another, unless that waits for it.
func (m *ranks) add(from, to int) bool {
	if slices.Contains(m.after[to], from) {
		return true
	}
	if m.reaches(from, to, make([]bool, len(m.after))) {
		return false
	}
	m.after[to] = append(m.after[to], from)
	return true
}

// reaches reports whether a module is, or waits for, another.
func (m *ranks) reaches(module, other int, seen []bool) bool {
	if module == other {
		return true
	}
	seen[module] = true
	return slices.ContainsFunc(m.after[module], func(a int) bool { return !seen[a] && m.reaches(a, other, seen) })
}

func (m *ranks) longest(module int, known []int) int {
	if known[module] < 0 {
		longest := 0
		for _, a := range m.after[module] {
			longest = max(longest, 1+m.longest(a, known))
		}
		known[module] = longest
	}
	return known[module]
}

// reduce marks the edges that others imply. Turns neither imply nor are
// implied: without them all hosts look alike.
func (g *Graph) reduce() {
	words := (len(g.Nodes) + 63) / 64
	before := make([][]uint64, len(g.Nodes)) // what comes before a node, as bits
	into := make([][]int, len(g.Nodes))      // edges
	for i, e := range g.Edges {
		if !e.Turn {
			into[e.To] = append(into[e.To], i)
		}
	}
	order := make([]int, len(g.Nodes))
	for i := range order {
		order[i] = i
	}
	byRank := func(a, b int) int {
		return cmp.Or(cmp.Compare(g.Nodes[a].Rank, g.Nodes[b].Rank), cmp.Compare(a, b))
	}
	slices.SortFunc(order, byRank)
	for _, n := range order {
		set := make([]uint64, words)
		before[n] = set
		// The last first: it may wait for the others.
		slices.SortFunc(into[n], func(a, b int) int { return byRank(g.Edges[b].From, g.Edges[a].From) })
		for _, i := range into[n] {
			from := g.Edges[i].From
			if set[from/64]&(1<<(from%64)) != 0 {
				g.Edges[i].Implied = true
				continue
			}
			set[from/64] |= 1 << (from % 64)
			for w, bits := range before[from] {
				set[w] |= bits
			}
		}
	}
}
