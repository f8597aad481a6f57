package preflight

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Everyone stands in a statement for all hosts that the port was probed
// with.
const Everyone = "everyone"

// A Statement says the same of one edge or of many.
type Statement struct {
	From    string   `json:"from"` // a host, Everyone, or FromHosts in short
	To      string   `json:"to"`
	Both    bool     `json:"both,omitempty"` // and the other way round
	Ports   []string `json:"ports"`          // "8285/udp"
	Verdict Verdict  `json:"verdict"`
	Detail  string   `json:"detail,omitempty"` // where all share it
	Edges   int      `json:"edges"`
	Of      int      `json:"of,omitempty"` // pairs in all, where From and To are but the first pair of many

	FromHosts []string `json:"from_hosts,omitempty"` // where there are several, but not all
	ToHosts   []string `json:"to_hosts,omitempty"`

	first int // of its edges in the list, for the order
}

// String is "worker-2 -> worker-1 8285/udp filtered" for one edge, and
// "worker-7 -> everyone: 8472/udp filtered" for several.
func (s Statement) String() string {
	arrow := "->"
	if s.Both {
		arrow = "<->"
	}
	if s.Of > 0 {
		return fmt.Sprintf("%d of %d pairs: %s %s, the first %s -> %s", s.Edges, s.Of, s.Ports[0], s.Verdict, s.From, s.To)
	}
	if s.Both && s.From == s.To && s.From != Everyone {
		return fmt.Sprintf("%s among themselves: %s %s", s.From, strings.Join(s.Ports, ", "), s.Verdict)
	}
	if s.single() {
		return fmt.Sprintf("%s -> %s %s %s", s.From, s.To, s.Ports[0], s.Verdict)
	}
	return fmt.Sprintf("%s %s %s: %s %s", s.From, arrow, s.To, strings.Join(s.Ports, ", "), s.Verdict)
}

func (s Statement) single() bool { return s.Edges == 1 && !s.Both }

// Statements say of all edges that fail or lose what is wrong, in as few
// words as there are: what explains most comes first, losses last.
func Statements(edges []EdgeResult) []Statement {
	sheets := map[string]*sheet{} // by port and verdict
	var order []string
	universe := map[string]*sheet{}
	touched := touchedPorts(edges)
	if len(touched) == 0 {
		return nil
	}
	follows := consequences(edges)
	for i, e := range edges {
		if e.Verdict == NotProbed || follows[i] || !touched[portKey{e.Proto, e.Port}] {
			continue
		}
		port := portText(e.Proto, e.Port)
		if universe[port] == nil {
			universe[port] = newSheet()
		}
		universe[port].add(&edges[i], i)
		if e.Verdict == OK {
			continue
		}
		key := port + " " + string(e.Verdict)
		if sheets[key] == nil {
			sheets[key] = newSheet()
			order = append(order, key)
		}
		sheets[key].add(&edges[i], i)
	}
	cut := map[string]map[string]bool{} // hosts that are cut off at some port, by verdict
	for _, key := range order {
		port, verdict, _ := strings.Cut(key, " ")
		if cut[verdict] == nil {
			cut[verdict] = map[string]bool{}
		}
		for _, h := range sheets[key].cutOff(universe[port]) {
			cut[verdict][h] = true
		}
	}
	var out []Statement
	for _, key := range order {
		port, verdict, _ := strings.Cut(key, " ")
		for _, s := range sheets[key].cover(universe[port], cut[verdict]) {
			s.Ports, s.Verdict = []string{port}, Verdict(verdict)
			out = append(out, s)
		}
	}
	return sorted(merge(out))
}

// A portKey tells ports apart.
type portKey struct {
	proto string
	port  int
}

// touchedPorts are those of which something is to be said.
func touchedPorts(edges []EdgeResult) map[portKey]bool {
	out := map[portKey]bool{}
	for _, e := range edges {
		if e.Verdict != OK && e.Verdict != NotProbed {
			out[portKey{e.Proto, e.Port}] = true
		}
	}
	return out
}

// consequences are connections that get no answer because nothing at all
// passes on the way back: the edges of that way say it.
func consequences(edges []EdgeResult) map[int]bool {
	type pair struct{ from, to string }
	all, filtered := map[pair]int{}, map[pair]int{}
	for _, e := range edges {
		p := pair{e.From, e.To}
		if e.Verdict != NotProbed {
			all[p]++
		}
		if e.Verdict == Filtered {
			filtered[p]++
		}
	}
	out := map[int]bool{}
	for i, e := range edges {
		back := pair{e.To, e.From}
		if e.Verdict == OneWay && e.Proto == "tcp" && filtered[back] > 1 && filtered[back] == all[back] {
			out[i] = true
		}
	}
	return out
}

// A sheet is the edges of one port.
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

// whole tells if all edges of a host, from it or to it, are on the sheet.
func whole(have, all map[string][]*EdgeResult, h string, least int) bool {
	return len(have[h]) >= least && len(have[h]) == len(all[h])
}

// cutOff are the hosts that nobody reaches and who reach nobody.
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

// cover says everything on the sheet in few statements: everyone, then hosts
// that are cut off both ways (at another port, maybe, where there is more to
// see), in one direction, then single edges.
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
			return // what is left is said as a single edge
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

// singles are the single edges said of one port and verdict; more are
// counted.
const singles = 12

// hosts are those on the sheet, the ones with most edges first.
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

// merge joins statements that differ only in the port.
func merge(in []Statement) []Statement {
	var out []Statement
	at := map[string]int{}
	for _, s := range in {
		key := fmt.Sprint(s.From, "|", s.To, "|", s.Both, "|", s.Verdict, "|", s.single(), s.Of, s.FromHosts, s.ToHosts)
		i, ok := at[key]
		if !ok || s.single() { // single edges are said one by one, word for word
			at[key] = len(out)
			out = append(out, s)
			continue
		}
		out[i].Ports = append(out[i].Ports, s.Ports...)
		out[i].Edges += s.Edges
		if out[i].Detail != s.Detail {
			out[i].Detail = ""
		}
	}
	return out
}

func sorted(in []Statement) []Statement {
	slices.SortStableFunc(in, func(a, b Statement) int {
		loss := func(s Statement) int {
			if s.Verdict == Lossy {
				return 1
			}
			return 0
		}
		return cmp.Or(loss(a)-loss(b), b.Edges-a.Edges, a.first-b.first)
	})
	return in
}

// A Tally is how the edges of one port fared.
type Tally struct {
	Port      string        `json:"port"` // "8285/udp"
	Why       string        `json:"why,omitempty"`
	Edges     int           `json:"edges"`
	OK        int           `json:"ok"` // those that pass
	NotProbed int           `json:"not_probed,omitempty"`
	Median    time.Duration `json:"median"` // round trip, nanoseconds
	Max       time.Duration `json:"max"`
}

// String is "all 6 pairs 8285/udp ok" or "4 of 6 pairs 8285/udp ok".
func (t Tally) String() string {
	if t.OK == t.Edges && t.Edges == 1 {
		return fmt.Sprintf("the one pair %s ok", t.Port)
	}
	if t.OK == t.Edges {
		return fmt.Sprintf("all %d pairs %s ok", t.Edges, t.Port)
	}
	s := fmt.Sprintf("%d of %d pairs %s ok", t.OK, t.Edges, t.Port)
	if t.NotProbed > 0 {
		s += fmt.Sprintf(", %d not probed", t.NotProbed)
	}
	return s
}

// Tallies count the edges by port, in the order in which ports appear.
func Tallies(edges []EdgeResult) []Tally {
	var out []Tally
	at := map[portKey]int{}
	var times [][]time.Duration
	for _, e := range edges {
		port := portKey{e.Proto, e.Port}
		i, ok := at[port]
		if !ok {
			i = len(out)
			at[port] = i
			out, times = append(out, Tally{Port: portText(e.Proto, e.Port), Why: e.Why}), append(times, nil)
		}
		t := &out[i]
		t.Edges++
		switch {
		case e.Verdict.Passes():
			t.OK++
			times[i] = append(times[i], e.RTT)
		case e.Verdict == NotProbed:
			t.NotProbed++
		}
	}
	for i := range out {
		if ts := times[i]; len(ts) > 0 {
			slices.Sort(ts)
			out[i].Median, out[i].Max = ts[(len(ts)-1)/2], ts[len(ts)-1]
		}
	}
	return out
}
