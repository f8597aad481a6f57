package executor

import (
	"context"
	"errors"
	"slices"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/state"
)

// Steps are the steps as a saved plan keeps them.
func (c *Checked) Steps() []saved.Step {
	var steps []saved.Step
	for _, s := range c.Graph.Steps {
		steps = append(steps, saved.Step{Addr: s.Addr, Kind: kindOf(s), After: s.After, Source: s.Source, Diff: saved.Diff(c.Diffs[s.Addr])})
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
	c := &Checked{Graph: &plan.Graph{}, Diffs: map[plan.Addr]modules.Diff{}, Errs: map[plan.Addr]error{}}
	for _, s := range p.Steps {
		step := &plan.Step{Addr: s.Addr, After: s.After, Source: s.Source}
		switch s.Kind {
		case saved.Module:
			step.Work = asModule{}
		case saved.Probe:
			step.Work = asProbe{}
		}
		c.Graph.Steps = append(c.Graph.Steps, step)
		c.Diffs[s.Addr] = modules.Diff(s.Diff)
	}
	return c
}

// asProbe and asModule stand for the work of a step that is only shown.
type (
	asProbe  struct{}
	asModule struct{ asProbe }
)

var errShown = errors.New("a saved step cannot be run")

func (asProbe) Check(context.Context, host.Host) (modules.Diff, error) { return nil, errShown }
func (asModule) Apply(context.Context, host.Host, modules.Diff) error  { return errShown }

// A Move is a step that is not as a saved plan has it.
type Move struct {
	Addr plan.Addr
	Was  modules.Diff // what the plan has of it and is not so any more
	Is   modules.Diff // what is so now and not in the plan
}

// Since compares with a saved plan, of which did tells by host how far it
// came in applies that were cut off. Nothing moved if every step differs as
// the plan has it, or is what the plan's own steps made of that.
func (c *Checked) Since(p *saved.Plan, did map[string]state.Progress) []Move {
	was := map[plan.Addr]modules.Diff{}
	for _, s := range p.Steps {
		was[s.Addr] = modules.Diff(s.Diff)
	}
	r := resumed{did: did}
	var moves []Move
	for _, s := range c.Graph.Steps {
		w, known := was[s.Addr]
		delete(was, s.Addr)
		if !isModule(s) || known && r.equal(s, c.Diffs[s.Addr], w) {
			continue
		}
		moves = append(moves, move(s.Addr, w, c.Diffs[s.Addr]))
	}
	for _, s := range p.Steps {
		if w, gone := was[s.Addr]; gone && s.Kind == saved.Module {
			moves = append(moves, move(s.Addr, w, nil))
		}
	}
	return moves
}

// move leaves out what both have.
func move(a plan.Addr, was, is modules.Diff) Move {
	without := func(d, other modules.Diff) (out modules.Diff) {
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
type resumed struct{ did map[string]state.Progress }

func (r resumed) of(a plan.Addr) state.What { return r.did[a.Host()][string(a)] }

func (r resumed) equal(s *plan.Step, is, was modules.Diff) bool {
	if sameDiff(is, was) {
		return true
	}
	switch r.of(s.Addr) {
	case state.Done:
		return len(is) == 0
	case "":
		return len(was) > 0 && r.resolved(s.Addr, is, was)
	}
	// It was cut off: some of it is done, the rest must be what was planned.
	return asPlanned(s.Addr, is, was) == nil
}

// unknown are the changes of a diff that are known only later.
func unknown(d modules.Diff) (out modules.Diff) {
	for _, c := range d {
		if c.Until != "" {
			out = append(out, c)
		}
	}
	return out
}

// resolved tells if a step that was not begun differs as planned but for
// what became known, because the plan did the step that it waits for.
func (r resumed) resolved(a plan.Addr, is, was modules.Diff) bool {
	for _, c := range was {
		if c.Until == "" && !slices.Contains(is, c) || c.Until != "" && r.of(plan.Addr(c.Until)) == "" && !slices.Contains(is, c) {
			return false
		}
	}
	for _, c := range is {
		if !slices.Contains(was, c) && !waited(a, c, unknown(was)) {
			return false
		}
	}
	return true
}
