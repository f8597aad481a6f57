package executor

import (
	"context"
	"errors"
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/state"
)

// Steps returns the steps in the form of a saved plan.
func (c *Checked) Steps() []saved.Step {
	var steps []saved.Step
	replaced := c.Graph.Replaced()
	for _, s := range c.Graph.Steps {
		step := saved.Step{Addr: s.Addr, Kind: kindOf(s), After: s.After, Source: s.Source, On: s.On, Diff: saved.Diff(c.Diffs[s.Addr]), Findings: c.Findings[s.Addr],
			Replaced: slices.Contains(replaced, s.Addr)}
		if e, excluded := c.Excluded[s.Addr]; excluded {
			step.Excluded = &e
		}
		steps = append(steps, step)
	}
	return steps
}

func kindOf(s *plan.Step) saved.StepKind {
	switch {
	case s.Work != nil:
		return saved.Module
	case s.Probe != nil:
		return saved.Probe
	}
	return saved.Gate
}

// Saved returns the check that a saved plan was made from, to be shown. Its
// steps cannot be run.
func Saved(p *saved.Plan) *Checked {
	c := newChecked(&plan.Graph{})
	c.Excluded = map[address.Addr]change.Exclusion{}
	for _, s := range p.Steps {
		step := &plan.Step{Addr: s.Addr, After: s.After, Source: s.Source, On: s.On}
		switch s.Kind {
		case saved.Module:
			step.Work, c.Diffs[s.Addr] = shown{}, change.Diff(s.Diff)
		case saved.Probe:
			step.Probe, c.Findings[s.Addr] = shown{}, s.Findings
		}
		c.Graph.Steps = append(c.Graph.Steps, step)
		if s.Excluded != nil {
			c.Excluded[s.Addr] = *s.Excluded
		}
	}
	return c
}

// shown stands for the module or the probe of a step that is only shown.
type shown struct{}

var errShown = errors.New("a saved step cannot be run")

func (shown) Check(context.Context, host.Host) (change.Diff, error)         { return nil, errShown }
func (shown) Apply(context.Context, host.Host, change.Diff) error           { return errShown }
func (shown) Probe(context.Context, host.Host) ([]preflight.Finding, error) { return nil, errShown }

// A Move is a step that is no longer as a saved plan has it.
type Move struct {
	Addr address.Addr
	Was  change.Diff // changes that are in the plan and no longer on the host
	Is   change.Diff // changes that differ now and are not in the plan
}

// Since returns what has changed on the hosts since p was saved. did is how far
// interrupted applies of p got, by host; their effects are not reported.
func (c *Checked) Since(p *saved.Plan, did map[string]state.Progress) []Move {
	was := map[address.Addr]change.Diff{}
	for _, s := range p.Steps {
		was[s.Addr] = steady(change.Diff(s.Diff))
	}
	r := resume(c.Graph, did)
	var moves []Move
	for _, s := range c.Graph.Steps {
		w, known := was[s.Addr]
		delete(was, s.Addr)
		is := steady(c.Diffs[s.Addr])
		if s.Work == nil || known && r.equal(s, is, w) {
			continue
		}
		moves = append(moves, move(s.Addr, w, is))
	}
	for _, s := range p.Steps {
		if w, missing := was[s.Addr]; missing && s.Kind == saved.Module && len(w) > 0 && did[s.RunsOn()][s.Addr] != state.Done {
			moves = append(moves, move(s.Addr, w, nil))
		}
	}
	return moves
}

// steady returns a diff without the parts that change by themselves: the reason
// why a Node is not ready, whether a service that cannot start is starting or
// failed at this moment, and how much there is to remove.
func steady(d change.Diff) change.Diff {
	d = slices.Clone(d)
	for i, c := range d {
		d[i].Drift = false // the record changes while a step runs
		if c.Action == change.Remove {
			d[i].Why = ""
		}
		if c.Volatile {
			d[i].Why = ""
		}
		if s := c.Unit.Have; s.Active == "activating" {
			s.Active = "failed"
			d[i].Unit.Have, d[i].Have = s, s.String()
		}
	}
	return d
}

// move returns the changes that only one of the two diffs has.
func move(a address.Addr, was, is change.Diff) Move {
	without := func(d, other change.Diff) (out change.Diff) {
		for _, c := range d {
			if !slices.Contains(other, c) {
				out = append(out, c)
			}
		}
		return out
	}
	return Move{a, without(was, is), without(is, was)}
}

// resumed compares steps with a plan that may have been applied in part.
type resumed struct {
	did    map[string]state.Progress
	on     map[address.Addr]string // host whose journal notes a step
	shaken map[address.Addr]bool   // steps behind an interrupted one
}

func (r resumed) of(a address.Addr) state.What { return r.did[r.on[a]][a] }

func resume(g *plan.Graph, did map[string]state.Progress) resumed {
	r := resumed{did, map[address.Addr]string{}, map[address.Addr]bool{}}
	for _, s := range g.Steps {
		r.on[s.Addr] = s.RunsOn()
		r.shaken[s.Addr] = slices.ContainsFunc(s.After, func(a address.Addr) bool {
			w := r.of(a)
			return r.shaken[a] || w == state.Intent || w == state.Failed
		})
	}
	return r
}

func (r resumed) equal(s *plan.Step, is, was change.Diff) bool {
	if sameDiff(is, was) {
		return true
	}
	rest, excused := r.split(s.Addr, is, was)
	switch r.of(s.Addr) {
	case state.Done:
		return len(rest) == 0
	case "":
		return r.resolved(rest, excused, was)
	}
	// It was interrupted: some of it is done, the rest must be as planned.
	return asPlanned(rest, was) == nil
}

// split removes from is the changes that an interrupted apply explains, and
// returns them as excused. A service that it stopped makes its dependents fail,
// or their state unknown. A Node that is not Ready is explained by any step that
// the plan did on its host.
func (r resumed) split(a address.Addr, is, was change.Diff) (rest, excused change.Diff) {
	for _, c := range is {
		unknown := !c.Until.IsZero() && r.of(c.Until) != ""
		unready := c.Volatile && len(r.did[c.Host]) > 0
		if !slices.Contains(was, c) && (unknown || unready || r.shaken[a] && c.Moves()) {
			excused = append(excused, c)
		} else {
			rest = append(rest, c)
		}
	}
	return rest, excused
}

// resolved reports whether a step that never started still differs as planned.
// Two differences are allowed: values that are known by now because the plan
// applied the step that makes them, and values that are unknown again because
// that step was interrupted.
func (r resumed) resolved(rest, excused, was change.Diff) bool {
	for _, c := range was {
		known := !c.Until.IsZero() && r.of(c.Until) != ""
		if !known && !slices.Contains(rest, c) && !waited(c, unknown(excused)) {
			return false
		}
	}
	for _, c := range rest {
		if !slices.Contains(was, c) && !waited(c, unknown(was)) {
			return false
		}
	}
	return true
}

// unknown returns the changes of a diff that are known only later.
func unknown(d change.Diff) (out change.Diff) {
	for _, c := range d {
		if !c.Until.IsZero() {
			out = append(out, c)
		}
	}
	return out
}
