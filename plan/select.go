package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/hostnames"
	"github.com/pmkctl/pmkctl/modules"
)

// A Selection is what flags say of the steps to be done, as they were typed.
// It is empty if all are.
type Selection struct {
	Target  []string // these, and what they need
	Exclude []string // all but these, and what needs them
	Limit   []string // hosts: nothing on others
	Replace []string // these even though nothing differs
}

// Empty tells that all that differs is to be done, and nothing else.
func (s Selection) Empty() bool {
	return len(s.Target)+len(s.Exclude)+len(s.Limit)+len(s.Replace) == 0
}

// A Choice is a selection of the steps of one graph.
type Choice struct {
	graph                    *Graph
	target, exclude, replace map[address.Step]bool
	limit                    map[string]bool
}

// A Exclusion is a step that is not to be done, and why.
type Exclusion struct {
	Flag  string       `json:"flag"`           // -target, -exclude or -limit
	Cause address.Step `json:"cause,omitzero"` // the step that the flag leaves out and this one waits for; "" if it is the step itself

	Pending bool `json:"pending,omitempty"` // it has something to change
}

// Select finds the steps that a selection names. All that it names wrongly is
// in the error.
func (g *Graph) Select(s Selection) (*Choice, error) {
	c := &Choice{graph: g}
	var errs []error
	find := func(flag string, patterns []string) map[address.Step]bool {
		if len(patterns) == 0 {
			return nil
		}
		found := map[address.Step]bool{}
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

// oneEach tells how several are named.
func oneEach(flag, text string) string {
	names := strings.Split(text, ",")
	if len(names) == 1 {
		return ""
	}
	return "; name one at a time: " + flag + "=" + strings.Join(names, " "+flag+"=")
}

// Meant is "; did you mean ...?" for the names nearest to what was typed; ""
// if none is near.
func Meant(text string, known []string) string {
	near := Near(text, known)
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}

// changing are the steps that a pattern names and that change something.
func (g *Graph) changing(p string) ([]*Step, error) {
	list, err := g.Find(p)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(s *Step) bool { return !s.changes() })
	if len(list) == 0 {
		return nil, errors.New("it is a check, which changes nothing and runs in any case")
	}
	return list, nil
}

// hosts are those of the steps, in plan order.
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

func (s *Step) changes() bool {
	_, ok := s.Work.(modules.Module)
	return ok
}

// Leave are the steps that the choice leaves out, with those that cannot be
// done without them: of what is done every need is done before, or needs no
// change. pending tells which steps have something to change; a step without
// is left out as well if a flag says so, for it may come to differ.
//
// What a step needs is what it waits for. Where hosts take turns it needs
// nothing of the host before; and where another host's step has nothing to
// change it needs nothing of what that waited for. On its own host it does:
// of a before b before c it is not told that c needs a itself.
func (c *Choice) Excluded(pending func(address.Step) bool) map[address.Step]Exclusion {
	s := selecting{Choice: c, pending: pending, left: map[address.Step]Exclusion{}, behind: map[address.Step]Exclusion{}}
	for _, step := range c.graph.Steps {
		s.judge(step)
	}
	if c.target != nil {
		s.onlyTargets()
	}
	for a, l := range s.left {
		l.Pending = pending(a)
		s.left[a] = l
	}
	return s.left
}

// Replaces tells if a step is to be done again.
func (c *Choice) Replaces(a address.Step) bool { return c.replace[a] }

type selecting struct {
	*Choice
	pending func(address.Step) bool
	left    map[address.Step]Exclusion
	behind  map[address.Step]Exclusion // steps that need one that is left out, and why that is
}

// judge leaves a step out if a flag says so, or if it needs one that is left
// out. What it waits for was judged before.
func (s *selecting) judge(step *Step) {
	a := step.Addr
	for _, d := range step.needs() {
		if l, ok := s.left[d]; ok && s.pending(d) {
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
	case !step.changes():
	case s.exclude[a]:
		s.left[a] = Exclusion{Flag: "-exclude"}
	case s.limit != nil && !s.limit[a.Host]:
		s.left[a] = Exclusion{Flag: "-limit"}
	case blocked && s.pending(a):
		s.left[a] = behind
	}
}

// onlyTargets leaves out all that is no target and that no target needs.
func (s *selecting) onlyTargets() {
	wanted := map[address.Step]bool{}
	for i := len(s.graph.Steps) - 1; i >= 0; i-- { // what waits comes before what it waits for
		step := s.graph.Steps[i]
		a := step.Addr
		// A step without changes passes on what it needs even if it is excluded.
		if _, left := s.left[a]; !wanted[a] && (left || !s.target[a]) {
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
		if _, left := s.left[step.Addr]; !left && step.changes() && !wanted[step.Addr] {
			s.left[step.Addr] = Exclusion{Flag: "-target"}
		}
	}
}

// needs are the steps that must have been done before; not those that only
// have their turn before.
func (s *Step) needs() []address.Step {
	var list []address.Step
	for _, a := range s.After {
		if !slices.Contains(s.Turns, a) {
			list = append(list, a)
		}
	}
	return list
}
