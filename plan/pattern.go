package plan

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/pmkctl/pmkctl/address"
)

// A pattern names steps as people type them, or as plans print them:
// "kubelet.worker-1", "kubelet.*", "*.worker-[1-3]", a module, a host, or
// "kubelet on cp-1, worker-[1-3]".
type pattern struct {
	module glob
	hosts  []glob
	bare   bool // without a dot: a module, or a host
}

func parsePattern(text string) pattern {
	if module, hosts, ok := strings.Cut(text, " on "); ok {
		p := pattern{module: newGlob(module)}
		for _, h := range strings.Split(hosts, ",") {
			p.hosts = append(p.hosts, newGlob(strings.TrimSpace(h)))
		}
		return p
	}
	module, host, dotted := strings.Cut(text, ".")
	if !dotted {
		host = text
	}
	return pattern{module: newGlob(module), hosts: []glob{newGlob(host)}, bare: !dotted}
}

// matches tells if the pattern names a step.
func (p pattern) matches(a address.Step) bool {
	host := a.Host != "" && slices.ContainsFunc(p.hosts, func(g glob) bool { return g.matches(a.Host) })
	if p.bare {
		return host || p.module.matches(a.Module)
	}
	return host && p.module.matches(a.Module)
}

// A glob is a name in which * stands for anything and [1-3] for a number.
type glob struct {
	re     *regexp.Regexp
	ranges [][2]int // of the numbers that re captures
}

var globPart = regexp.MustCompile(`\*|\[\d{1,9}-\d{1,9}\]`)

func newGlob(text string) glob {
	var g glob
	var re strings.Builder
	re.WriteString("^")
	for rest := text; ; {
		at := globPart.FindStringIndex(rest)
		if at == nil {
			re.WriteString(regexp.QuoteMeta(rest) + "$")
			break
		}
		re.WriteString(regexp.QuoteMeta(rest[:at[0]]))
		if part := rest[at[0]:at[1]]; part == "*" {
			re.WriteString(".*")
		} else {
			from, to, _ := strings.Cut(part[1:len(part)-1], "-")
			a, _ := strconv.Atoi(from) // up to nine digits
			b, _ := strconv.Atoi(to)
			g.ranges = append(g.ranges, [2]int{a, b})
			re.WriteString(`(\d+)`)
		}
		rest = rest[at[1]:]
	}
	g.re = regexp.MustCompile(re.String())
	return g
}

func (g glob) matches(name string) bool {
	m := g.re.FindStringSubmatch(name)
	if m == nil {
		return false
	}
	for i, r := range g.ranges {
		n, err := strconv.Atoi(m[i+1])
		if err != nil || n < r[0] || n > r[1] || len(m[i+1]) > 1 && m[i+1][0] == '0' {
			return false
		}
	}
	return true
}

// MatchHosts are those of names that a pattern of a host names.
func MatchHosts(text string, names []string) []string {
	g := newGlob(text)
	var out []string
	for _, n := range names {
		if g.matches(n) {
			out = append(out, n)
		}
	}
	return out
}

// Find are the steps that a pattern names, in plan order. It is an error if
// there are none, with what may have been meant.
func (g *Graph) Find(text string) ([]*Step, error) {
	if text == "" {
		return nil, errors.New("name a step, such as kubelet.worker-1")
	}
	out := g.matching(parsePattern(text))
	if len(out) == 0 { // a dot may also be one of a host's name
		out = g.matching(pattern{module: newGlob(text), hosts: []glob{newGlob(text)}, bare: true})
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

// suggest is "; did you mean ...?" for what is nearest to an address that is
// not there.
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

// modules are those of the steps that change something, in plan order.
func (g *Graph) modules() []string {
	var list []string
	for _, s := range g.Steps {
		if m := s.Addr.Module; s.changes() && !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}

// Near are up to three of known that are nearest to what was typed, none of
// them far from it.
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
