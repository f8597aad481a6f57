package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/address"
)

// cycle returns steps that wait for each other: each for the next one, and the
// last for the first. It returns nil if there is no cycle.
func (g *Graph) cycle() []*Step {
	steps := map[address.Addr]*Step{}
	for _, s := range g.Steps {
		steps[s.Addr] = s
	}
	done := map[address.Addr]bool{}
	var path, found []*Step
	var visit func(s *Step) bool
	visit = func(s *Step) bool {
		if s == nil || done[s.Addr] {
			return false // its host is absent, or it is on no cycle
		}
		if i := slices.Index(path, s); i >= 0 {
			found = slices.Clone(path[i:])
			return true
		}
		path = append(path, s)
		if slices.ContainsFunc(s.After, func(a address.Addr) bool { return visit(steps[a]) }) {
			return true
		}
		path, done[s.Addr] = path[:len(path)-1], true
		return false
	}
	for _, s := range g.Steps {
		if visit(s) {
			break
		}
	}
	return found
}

// cycleText prints a cycle with the places of its steps in the spec:
// "a (cluster.hcl:3) -> b (cluster.hcl:9) -> a".
func cycleText(cycle []*Step) string {
	var parts []string
	for _, s := range cycle {
		parts = append(parts, fmt.Sprintf("%s (%s:%d)", s.Addr, s.Source.Filename, s.Source.Start.Line))
	}
	return strings.Join(append(parts, cycle[0].Addr.String()), " -> ")
}
