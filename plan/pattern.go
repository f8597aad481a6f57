package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/hostnames"
)

// A pattern names steps as people type them, or as plans print them:
// "kubelet.worker-1", "kubelet.*", "*.worker-[1-3]", a module, a host, or
// "kubelet on cp-1, worker-[1-3]".
type pattern struct {
	module hostnames.Pattern
	hosts  []hostnames.Pattern
	bare   bool // without a dot: a module, or a host
}

func parsePattern(text string) pattern {
	if module, hosts, ok := strings.Cut(text, " on "); ok {
		p := pattern{module: hostnames.ParsePattern(module)}
		for _, h := range strings.Split(hosts, ",") {
			p.hosts = append(p.hosts, hostnames.ParsePattern(strings.TrimSpace(h)))
		}
		return p
	}
	module, host, dotted := strings.Cut(text, ".")
	if !dotted {
		host = text
	}
	return pattern{module: hostnames.ParsePattern(module), hosts: []hostnames.Pattern{hostnames.ParsePattern(host)}, bare: !dotted}
}

// matches reports whether the pattern names a step.
func (p pattern) matches(a address.Addr) bool {
	host := a.Host != "" && slices.ContainsFunc(p.hosts, func(h hostnames.Pattern) bool { return h.Matches(a.Host) })
	if p.bare {
		return host || p.module.Matches(a.Module)
	}
	return host && p.module.Matches(a.Module)
}

// Find returns the steps that an address or a pattern names, in plan order. If
// there are none it returns an error, with suggestions.
func (g *Graph) Find(text string) ([]*Step, error) {
	if text == "" {
		return nil, errors.New("name a step, such as kubelet.worker-1")
	}
	if a, err := address.Parse(text); err == nil {
		if i := slices.IndexFunc(g.Steps, func(s *Step) bool { return s.Addr == a }); i >= 0 {
			return []*Step{g.Steps[i]}, nil
		}
	}
	out := g.matching(parsePattern(text))
	if len(out) == 0 { // a dot may also be one of a host's name
		out = g.matching(pattern{module: hostnames.ParsePattern(text), hosts: []hostnames.Pattern{hostnames.ParsePattern(text)}, bare: true})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("there is no step %s%s", text, g.suggest(text))
	}
	return out, nil
}

func (g *Graph) matching(p pattern) []*Step {
	var out []*Step
	for _, s := range g.Steps {
		if p.matches(s.Addr) {
			out = append(out, s)
		}
	}
	return out
}

// suggest returns "; did you mean ...?" with the addresses nearest to text, or the
// list of modules if none is near.
func (g *Graph) suggest(text string) string {
	var known []string
	for _, s := range g.Steps {
		for _, n := range []string{s.Addr.String(), s.Addr.Module, s.Addr.Host} {
			if n != "" && strings.Contains(n, ".") == strings.Contains(text, ".") {
				known = append(known, n)
			}
		}
	}
	return cmp.Or(Meant(text, known), "; there are "+strings.Join(g.modules(), ", "))
}

// modules returns the modules of the steps that change something, in plan order.
func (g *Graph) modules() []string {
	var list []string
	for _, s := range g.Steps {
		if m := s.Addr.Module; s.Work != nil && !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}

// Near returns up to three of known that are nearest to text by edit distance,
// and none that is far from it.
func Near(text string, known []string) []string {
	far := min(max(len(text)/3, 2), len(text)/2)
	slices.Sort(known)
	known = slices.Compact(known)
	distance := map[string]int{}
	var out []string
	for _, k := range known {
		distance[k] = levenshtein.Distance(strings.ToLower(text), strings.ToLower(k), nil)
		if distance[k] <= far {
			out = append(out, k)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return distance[a] - distance[b] })
	least := 0
	if len(out) > 0 {
		least = distance[out[0]]
	}
	out = slices.DeleteFunc(out, func(k string) bool { return distance[k] > least+1 })
	return out[:min(3, len(out))]
}
