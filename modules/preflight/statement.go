package preflight

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Everyone stands in a statement for all hosts whose edges over the port
// were probed.
const Everyone = "everyone"

// A Statement is a verdict that one edge has, or that many have in common.
type Statement struct {
	From    string   `json:"from"` // a host, Everyone, or FromHosts in short form
	To      string   `json:"to"`
	Both    bool     `json:"both,omitempty"` // the verdict holds in both directions
	Ports   []string `json:"ports"`          // "8285/udp"
	Verdict Verdict  `json:"verdict"`
	Detail  string   `json:"detail,omitempty"` // "" unless all edges have the same
	Edges   int      `json:"edges"`
	Of      int      `json:"of,omitempty"` // all pairs, if From and To are only the first of many

	FromHosts []string `json:"from_hosts,omitempty"` // if there are several, but not all
	ToHosts   []string `json:"to_hosts,omitempty"`

	first int // index of its first edge, for the order
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

// Statements sums up all edges that fail or lose packets, in as few
// statements as possible. The statement with most edges comes first, losses
// come last.
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
	cut := map[string]map[string]bool{} // by verdict, the hosts that are cut off at any port
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

// A portKey identifies a port of all hosts.
type portKey struct {
	proto string
	port  int
}

// touchedPorts returns the ports with an edge that is not well.
func touchedPorts(edges []EdgeResult) map[portKey]bool {
	out := map[portKey]bool{}
	for _, e := range edges {
		if e.Verdict != OK && e.Verdict != NotProbed {
			out[portKey{e.Proto, e.Port}] = true
		}
	}
	return out
}

// consequences returns the connections that get no answer because nothing
// passes in the opposite direction. The edges of that direction are stated
// instead.
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

// merge joins statements that differ only in the port.
func merge(in []Statement) []Statement {
	var out []Statement
	at := map[string]int{}
	for _, s := range in {
		key := fmt.Sprint(s.From, "|", s.To, "|", s.Both, "|", s.Verdict, "|", s.single(), s.Of, s.FromHosts, s.ToHosts)
		i, ok := at[key]
		if !ok || s.single() { // single edges are stated one by one
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
