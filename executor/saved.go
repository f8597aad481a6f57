package executor

import (
	"context"
	"errors"
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/state"
)

// Steps are the steps as a saved plan keeps them.
func (c *Checked) Steps() []saved.Step {
	var steps []saved.Step
	replaced := c.Graph.Replaced()
	for _, s := range c.Graph.Steps {
		step := saved.Step{Addr: s.Addr, Kind: kindOf(s), After: s.After, Source: s.Source, On: s.On, Diff: saved.Diff(c.Diffs[s.Addr]),
			Replaced: slices.Contains(replaced, s.Addr)}
		if e, excluded := c.Excluded[s.Addr]; excluded {
			step.Left = &e
		}
		steps = append(steps, step)
	}
	return steps
}

func kindOf(s *plan.Step) saved.Kind {
	switch {
	case s.Work == nil:
		return saved.Gate
	case isModule(s):
		return saved.Module
	}
	return saved.Probe
}

// Saved is what a plan's check found when it was made, to be shown. Its
// steps cannot be run.
func Saved(p *saved.Plan) *Checked {
	c := &Checked{Graph: &plan.Graph{}, Diffs: map[address.Step]change.Diff{}, Errs: map[address.Step]error{}, Excluded: map[address.Step]plan.Left{}}
	for _, s := range p.Steps {
		step := &plan.Step{Addr: s.Addr, After: s.After, Source: s.Source, On: s.On}
		switch s.Kind {
		case saved.Module:
			step.Work = asModule{}
		case saved.Probe:
			step.Work = asProbe{}
		}
		c.Graph.Steps = append(c.Graph.Steps, step)
		c.Diffs[s.Addr] = change.Diff(s.Diff)
		if s.Left != nil {
			c.Excluded[s.Addr] = *s.Left
		}
	}
	return c
}

// asProbe and asModule stand for the work of a step that is only shown.
type (
	asProbe  struct{}
	asModule struct{ asProbe }
)

var errShown = errors.New("a saved step cannot be run")

func (asProbe) Check(context.Context, host.Host) (change.Diff, error) { return nil, errShown }
func (asModule) Apply(context.Context, host.Host, change.Diff) error  { return errShown }

// A Move is a step that is not as a saved plan has it.
type Move struct {
	Addr address.Step
	Was  change.Diff // what the plan has of it and is not so any more
	Is   change.Diff // what is so now and not in the plan
}

// Since compares with a saved plan, of which did tells by host how far it
// came in applies that were cut off. Nothing moved if every step differs as
// the plan has it, or is what the plan's own steps made of that.
func (c *Checked) Since(p *saved.Plan, did map[string]state.Progress) []Move {
	was := map[address.Step]change.Diff{}
	for _, s := range p.Steps {
		was[s.Addr] = steady(change.Diff(s.Diff))
	}
	r := resume(c.Graph, did)
	var moves []Move
	for _, s := range c.Graph.Steps {
		w, known := was[s.Addr]
		delete(was, s.Addr)
		is := steady(c.Diffs[s.Addr])
		if !isModule(s) || known && r.equal(s, is, w) {
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

// steady is a diff without what changes from second to second while nobody
// touches the host: the words in which a Node is not ready, and whether a
// service that cannot start failed just now or is being started again; and
// how much there is of what goes.
func steady(d change.Diff) change.Diff {
	d = slices.Clone(d)
	for i, c := range d {
		d[i].Drift = false // what a record tells changes while a step is under way
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

// move leaves out what both have.
func move(a address.Step, was, is change.Diff) Move {
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

// resumed judges steps of a plan that may have been begun.
type resumed struct {
	did    map[string]state.Progress
	on     map[address.Step]string // whose journal notes a step
	shaken map[address.Step]bool   // steps behind one that was cut off
}

func (r resumed) of(a address.Step) state.What { return r.did[r.on[a]][a] }

func resume(g *plan.Graph, did map[string]state.Progress) resumed {
	r := resumed{did, map[address.Step]string{}, map[address.Step]bool{}}
	for _, s := range g.Steps {
		r.on[s.Addr] = s.RunsOn()
		r.shaken[s.Addr] = slices.ContainsFunc(s.After, func(a address.Step) bool {
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
	// It was cut off: some of it is done, the rest must be what was planned.
	return asPlanned(rest, was) == nil
}

// split takes from is what a step that was cut off explains: it left a
// service down, so what needs that is down too, or cannot be known. That a
// Node is not Ready is explained by any step that the plan did on its host.
func (r resumed) split(a address.Step, is, was change.Diff) (rest, excused change.Diff) {
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

// resolved tells if a step that was not begun differs as planned but for
// what became known, because the plan did the step that it waits for, and
// for what is not known again.
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

// unknown are the changes of a diff that are known only later.
func unknown(d change.Diff) (out change.Diff) {
	for _, c := range d {
		if !c.Until.IsZero() {
			out = append(out, c)
		}
	}
	return out
}
