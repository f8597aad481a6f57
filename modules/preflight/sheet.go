package preflight

import (
	"cmp"
	"slices"
	"strings"
)

// A sheet holds edges of one port.
type sheet struct {
	edges    []*EdgeResult
	at       map[*EdgeResult]int
	from, to map[string][]*EdgeResult
}

func newSheet() *sheet {
	return &sheet{at: map[*EdgeResult]int{}, from: map[string][]*EdgeResult{}, to: map[string][]*EdgeResult{}}
}

func (s *sheet) add(e *EdgeResult, i int) {
	s.at[e] = i
	s.edges = append(s.edges, e)
	s.from[e.From] = append(s.from[e.From], e)
	s.to[e.To] = append(s.to[e.To], e)
}

// whole reports whether all edges of a host, from it or to it, are on the
// sheet, and at least least of them.
func whole(have, all map[string][]*EdgeResult, h string, least int) bool {
	return len(have[h]) >= least && len(have[h]) == len(all[h])
}

// cutOff returns the hosts that reach no other host and that no other host
// reaches.
func (s *sheet) cutOff(all *sheet) []string {
	var out []string
	if len(s.edges) == len(all.edges) {
		return nil
	}
	for _, h := range s.hosts() {
		if whole(s.from, all.from, h, 2) && whole(s.to, all.to, h, 2) {
			out = append(out, h)
		}
	}
	return out
}

// cover states everything on the sheet in few statements: all hosts, then
// hosts that are cut off in both directions, then in one direction, then
// single edges. cut has the hosts that are cut off at any port, because one
// port may have too few edges to show it.
func (s *sheet) cover(all *sheet, cut map[string]bool) []Statement {
	if len(s.edges) == len(all.edges) && len(s.edges) > 2 {
		return []Statement{summed(Everyone, Everyone, false, s.edges)}
	}
	said := map[*EdgeResult]bool{}
	var out []Statement
	say := func(from, to string, both bool, edges []*EdgeResult) {
		var fresh []*EdgeResult
		for _, e := range edges {
			if !said[e] {
				fresh = append(fresh, e)
			}
		}
		if len(fresh) == 0 || len(fresh) == 1 && len(edges) > 1 {
			return // the remaining edge is stated as a single edge
		}
		for _, e := range fresh {
			said[e] = true
		}
		stmt := summed(from, to, both, fresh)
		stmt.first = s.at[fresh[0]]
		out = append(out, stmt)
	}
	hosts := s.hosts()
	for _, h := range hosts {
		if cut[h] && whole(s.from, all.from, h, 0) && whole(s.to, all.to, h, 0) {
			say(h, Everyone, true, slices.Concat(s.from[h], s.to[h]))
		}
	}
	for _, h := range hosts {
		if whole(s.from, all.from, h, 2) {
			say(h, Everyone, false, s.from[h])
		}
		if whole(s.to, all.to, h, 2) {
			say(Everyone, h, false, s.to[h])
		}
	}
	var rest []*EdgeResult
	for _, e := range s.edges {
		if !said[e] {
			rest = append(rest, e)
		}
	}
	if found := s.blocks(rest); found != nil {
		return append(out, found...)
	}
	if len(rest) > singles {
		say(rest[0].From, rest[0].To, false, rest)
		out[len(out)-1].Of = len(all.edges)
		return out
	}
	for _, e := range rest {
		say(e.From, e.To, false, []*EdgeResult{e})
	}
	return out
}

// singles is how many single edges of one port and verdict are stated; more
// are counted.
const singles = 12

// hosts returns the hosts on the sheet, those with most edges first.
func (s *sheet) hosts() []string {
	n := map[string]int{}
	for _, e := range s.edges {
		n[e.From]++
		n[e.To]++
	}
	var out []string
	for h := range n {
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(n[b]-n[a], strings.Compare(a, b)) })
	return out
}

func summed(from, to string, both bool, edges []*EdgeResult) Statement {
	s := Statement{From: from, To: to, Both: both, Edges: len(edges), Detail: edges[0].Detail}
	for _, e := range edges {
		if e.Detail != s.Detail {
			s.Detail = ""
		}
	}
	return s
}
