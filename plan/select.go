package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/hostnames"
)

// A Selection has the values of the flags that choose steps, as they were typed.
type Selection struct {
	Target  []string // only these, and the steps that they need
	Exclude []string // all except these, and the steps that need them
	Limit   []string // only steps of these hosts
	Replace []string // these, even if nothing differs
}

// Empty reports whether no flag is given: exactly the steps that differ are done.
func (s Selection) Empty() bool {
	return len(s.Target)+len(s.Exclude)+len(s.Limit)+len(s.Replace) == 0
}

// A Choice is a selection of the steps of one graph.
type Choice struct {
	graph                    *Graph
	target, exclude, replace map[address.Addr]bool
	limit                    map[string]bool
}

// Select finds the steps that a selection names. The error has a line for each
// name that is wrong.
func (g *Graph) Select(s Selection) (*Choice, error) {
	c := &Choice{graph: g}
	var errs []error
	find := func(flag string, patterns []string) map[address.Addr]bool {
		if len(patterns) == 0 {
			return nil
		}
		found := map[address.Addr]bool{}
		for _, p := range patterns {
			list, err := g.changing(p)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s=%s: %w%s", flag, p, err, oneEach(flag, p)))
			}
			for _, step := range list {
				found[step.Addr] = true
			}
		}
		return found
	}
	c.target, c.exclude, c.replace = find("-target", s.Target), find("-exclude", s.Exclude), find("-replace", s.Replace)
	hosts := g.hosts()
	for _, p := range s.Limit {
		found := hostnames.Match(p, hosts)
		if p == "" {
			errs = append(errs, errors.New("-limit=: name a host"))
		} else if len(found) == 0 {
			errs = append(errs, fmt.Errorf("-limit=%s: there is no host %s%s%s", p, p, Meant(p, hosts), oneEach("-limit", p)))
		}
		for _, h := range found {
			if c.limit == nil {
				c.limit = map[string]bool{}
			}
			c.limit[h] = true
		}
	}
	return c, errors.Join(errs...)
}

// oneEach returns a hint for text that is a list: the flag takes one name.
func oneEach(flag, text string) string {
	names := strings.Split(text, ",")
	if len(names) == 1 {
		return ""
	}
	return "; name one at a time: " + flag + "=" + strings.Join(names, " "+flag+"=")
}

// Meant returns "; did you mean ...?" with the known names nearest to text; "" if
// none is near.
func Meant(text string, known []string) string {
	near := Near(text, known)
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}

// changing returns the steps that a pattern names and that are no probes.
func (g *Graph) changing(p string) ([]*Step, error) {
	list, err := g.Find(p)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(s *Step) bool { return s.Work == nil })
	if len(list) == 0 {
		return nil, errors.New("it is a check, which changes nothing and runs in any case")
	}
	return list, nil
}

// hosts returns the hosts of the steps, in plan order.
func (g *Graph) hosts() []string {
	var list []string
	seen := map[string]bool{"": true}
	for _, s := range g.Steps {
		if h := s.Addr.Host; !seen[h] {
			seen[h] = true
			list = append(list, h)
		}
	}
	return list
}

// Excluded returns the steps that the flags exclude, and the steps that cannot be
// done without them. For every step that remains, all that it needs is done
// before it or has nothing to change. pending reports whether a step has
// something to change. A step without changes is excluded too if a flag says so,
// because it may differ later.
//
// A step needs the steps that it waits for, with two exceptions. It does not need
// the steps that only have their turn before. And if a step of another host has
// nothing to change, it does not need what that step waits for. On its own host
// it does: if a is before b and b before c, c may need a without naming it.
func (c *Choice) Excluded(pending func(address.Addr) bool) map[address.Addr]change.Exclusion {
	s := selecting{Choice: c, pending: pending, excluded: map[address.Addr]change.Exclusion{}, behind: map[address.Addr]change.Exclusion{}}
	for _, step := range c.graph.Steps {
		s.judge(step)
	}
	if c.target != nil {
		s.onlyTargets()
	}
	for a, l := range s.excluded {
		l.Pending = pending(a)
		s.excluded[a] = l
	}
	return s.excluded
}

// Replaces reports whether a step is to be redone.
func (c *Choice) Replaces(a address.Addr) bool { return c.replace[a] }

type selecting struct {
	*Choice
	pending  func(address.Addr) bool
	excluded map[address.Addr]change.Exclusion
	behind   map[address.Addr]change.Exclusion // steps that need an excluded one, and why that one is excluded
}

// judge excludes a step if a flag says so, or if it needs an excluded one. The
// steps that it waits for must have been judged before.
func (s *selecting) judge(step *Step) {
	a := step.Addr
	for _, d := range step.needs() {
		if l, ok := s.excluded[d]; ok && s.pending(d) {
			if l.Cause.IsZero() {
				l.Cause = d
			}
			s.behind[a] = l
			break
		}
		if l, ok := s.behind[d]; ok && !s.pending(d) && d.Host == a.Host {
			s.behind[a] = l
			break
		}
	}
	behind, blocked := s.behind[a]
	switch {
	case step.Work == nil:
	case s.exclude[a]:
		s.excluded[a] = change.Exclusion{Flag: "-exclude"}
	case s.limit != nil && !s.limit[a.Host]:
		s.excluded[a] = change.Exclusion{Flag: "-limit"}
	case blocked && s.pending(a):
		s.excluded[a] = behind
	}
}

// onlyTargets excludes the steps that are no targets and that no target needs.
func (s *selecting) onlyTargets() {
	wanted := map[address.Addr]bool{}
	for i := len(s.graph.Steps) - 1; i >= 0; i-- { // backwards: a step before the steps that it waits for
		step := s.graph.Steps[i]
		a := step.Addr
		// A step without changes passes on what it needs even if it is excluded.
		if _, excluded := s.excluded[a]; !wanted[a] && (excluded || !s.target[a]) {
			continue
		}
		wanted[a] = true
		for _, d := range step.needs() {
			if s.pending(d) || d.Host == a.Host {
				wanted[d] = true
			}
		}
	}
	for _, step := range s.graph.Steps {
		if _, excluded := s.excluded[step.Addr]; !excluded && step.Work != nil && !wanted[step.Addr] {
			s.excluded[step.Addr] = change.Exclusion{Flag: "-target"}
		}
	}
}

// needs returns the steps that the step waits for, except those that only have
// their turn before.
func (s *Step) needs() []address.Addr {
	var list []address.Addr
	for _, a := range s.After {
		if !slices.Contains(s.Turns, a) {
			list = append(list, a)
		}
	}
	return list
}
