package executor

import (
	"context"
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/plan"
)

// turns holds the steps that must be confirmed before the hosts that take turns
// on them begin.
type turns struct {
	next  map[address.Addr]bool // the very next host has something to change
	later map[address.Addr]bool // some host after it has
}

// turnsOf walks the graph from its end, so that the dependents of a step come
// before it.
func turnsOf(planned *Checked) turns {
	t := turns{map[address.Addr]bool{}, map[address.Addr]bool{}}
	last := lastOfTurns(planned.Graph)
	busy := map[address.Addr]bool{} // the step, or a later one in the turn of its host, has something to change
	for _, s := range slices.Backward(planned.Graph.Steps) {
		ends := last[s.Addr.Module] && len(s.Turns) == 0 // the labels of a Node do not disturb its pods
		busy[s.Addr] = !ends && (busy[s.Addr] || planned.pending(s))
		for _, a := range s.After {
			switch {
			case slices.Contains(s.Turns, a):
				t.next[a] = t.next[a] || busy[s.Addr]
				t.later[a] = t.later[a] || busy[s.Addr] || t.later[s.Addr]
			case a.Host == s.Addr.Host:
				busy[a] = busy[a] || busy[s.Addr]
				t.later[a] = t.later[a] || t.later[s.Addr]
			}
		}
	}
	return t
}

// lastOfTurns returns the modules that end a turn: steps of other hosts take
// turns on them.
func lastOfTurns(g *plan.Graph) map[string]bool {
	last := map[string]bool{}
	for _, s := range g.Steps {
		for _, a := range s.Turns {
			last[a.Module] = true
		}
	}
	return last
}

func (c *Checked) pending(s *plan.Step) bool { return s.Work != nil && len(c.Diffs[s.Addr]) > 0 }

// touched reports whether an earlier step of the same host changed something in
// this run.
func (w *walk) touched(s *plan.Step) bool {
	return slices.ContainsFunc(s.After, func(a address.Addr) bool {
		e := w.ends[a]
		return e != nil && a.Host == s.Addr.Host && (e.changed || e.touched)
	})
}

// mustConfirm reports whether the next hosts must wait until the step is
// confirmed. This holds even if this run changed nothing on its host, because
// an earlier run may have changed it and ended before the confirmation. It does
// not hold if flags exclude the step: that is the way to go on with other hosts
// while this one is down.
func (w *walk) mustConfirm(s *plan.Step, touched bool) bool {
	if touched {
		return w.turns.later[s.Addr]
	}
	_, excluded := w.planned.Excluded[s.Addr]
	return w.turns.next[s.Addr] && !excluded
}

// confirm waits until the part that others take turns on works again. The plan
// found no difference there, but this run has changed the host since. confirm
// changes nothing, so it is not shown in the plan.
func (w *walk) confirm(ctx context.Context, s *plan.Step, touched bool) error {
	m, ok := s.Work.(modules.Confirmer)
	if !ok || !w.mustConfirm(s, touched) {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-w.opts.Stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := m.Confirm(ctx, w.hosts[s.RunsOn()])
	if ctx.Err() != nil {
		return nil // no further step begins in any case
	}
	return err
}
