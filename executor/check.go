package executor

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/plan"
)

// checkLimit is the longest time for a check that is no modules.SlowChecker. A
// check makes a few calls.
const checkLimit = 2 * time.Minute

// longest returns the time limit for checking all steps: checkLimit, or more if
// one of them may be slow.
func longest(steps []*plan.Step) time.Duration {
	most := checkLimit
	for _, s := range steps {
		if slow, ok := s.Work.(modules.SlowChecker); ok {
			most = max(most, slow.Longest())
		}
	}
	return most
}

// Hosts are the hosts of a run by name.
type Hosts map[string]host.Host

// Checked is the result of checking all steps.
type Checked struct {
	Graph    *plan.Graph
	Diffs    map[address.Step]change.Diff    // an entry for every step that was checked
	Errs     map[address.Step]error          // steps whose check failed
	Excluded map[address.Step]plan.Exclusion // steps that are not done; see Narrow
}

// Check compares every step with its host, all at once. A step that needs the
// output of another one waits for that value, not for the order of the graph.
// Check changes nothing.
func Check(ctx context.Context, g *plan.Graph, hosts Hosts, sink event.Sink) *Checked {
	ctx, cancel := context.WithTimeout(ctx, longest(g.Steps))
	defer cancel()
	c := &Checked{Graph: g, Diffs: map[address.Step]change.Diff{}, Errs: map[address.Step]error{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, s := range longestFirst(g.Steps) {
		if s.Work == nil {
			continue
		}
		wg.Go(func() {
			d, err := check(event.WithProgress(ctx, s.Addr, sink), s, hosts)
			mu.Lock()
			defer mu.Unlock()
			if c.Diffs[s.Addr] = d; err != nil {
				c.Errs[s.Addr] = &Error{s.Addr, OpCheck, err}
			}
			sink(event.StepChecked{Addr: s.Addr, Probe: !isModule(s), Diff: d, Err: err})
		})
	}
	wg.Wait()
	return c
}

// check runs the check of one step and settles its outputs. If another step
// could not give a value yet, the result is a change that is known later, not
// an error.
func check(ctx context.Context, s *plan.Step, hosts Hosts) (change.Diff, error) {
	d, err := s.Work.Check(ctx, hosts[s.RunsOn()])
	if giver, ok := s.Work.(modules.Giver); ok {
		for _, o := range giver.Outputs() {
			o.Settle()
		}
	}
	if u := (*modules.UnknownError)(nil); errors.As(err, &u) {
		return change.Diff{{Action: change.Add, Item: s.Addr.String(), Until: u.Until}}, nil
	}
	return d, err
}

// Pending returns the steps that have something to change, in plan order.
func (c *Checked) Pending() []*plan.Step {
	var steps []*plan.Step
	for _, s := range c.Graph.Steps {
		if isModule(s) && len(c.Diffs[s.Addr]) > 0 {
			steps = append(steps, s)
		}
	}
	return steps
}

// Failed returns the probes that found errors, and the errors of checks, both
// in plan order.
func (c *Checked) Failed() (probes []address.Step, errs []error) {
	for _, s := range c.Graph.Steps {
		if c.Diffs[s.Addr].Failed() {
			probes = append(probes, s.Addr)
		}
		if err := c.Errs[s.Addr]; err != nil {
			errs = append(errs, err)
		}
	}
	return probes, errs
}

// Moved returns the steps whose differences have changed since an earlier
// check.
func (c *Checked) Moved(earlier *Checked) []address.Step {
	var moved []address.Step
	for _, s := range c.Graph.Steps {
		if isModule(s) && !sameDiff(steady(c.Diffs[s.Addr]), steady(earlier.Diffs[s.Addr])) {
			moved = append(moved, s.Addr)
		}
	}
	return moved
}

func sameDiff(a, b change.Diff) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}

func isModule(s *plan.Step) bool {
	_, ok := s.Work.(modules.Module)
	return ok
}

// Summary counts steps by what they do.
type Summary struct{ Add, Change, Remove, Hosts int }

// Empty reports whether there is nothing to do.
func (s Summary) Empty() bool { return s.Add+s.Change+s.Remove == 0 }

// Summary counts the pending steps. A step whose changes are known only later
// counts as an addition if the step that it waits for is an addition.
func (c *Checked) Summary() Summary {
	var sum Summary
	hosts := map[string]bool{}
	for _, s := range c.Pending() {
		if h := s.Addr.Host; h != "" {
			hosts[h] = true
		}
		switch c.Action(s.Addr) {
		case change.Add:
			sum.Add++
		case change.Remove:
			sum.Remove++
		default:
			sum.Change++
		}
	}
	sum.Hosts = len(hosts)
	return sum
}

// Action returns the action of a step as a whole.
func (c *Checked) Action(a address.Step) change.Action { return c.Diffs[a].Action() }

// longestFirst puts the steps that concern all hosts first. They make several
// calls one after the other, which should not queue behind the calls of all
// other steps.
func longestFirst(steps []*plan.Step) []*plan.Step {
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b *plan.Step) int {
		return min(len(a.Addr.Host), 1) - min(len(b.Addr.Host), 1)
	})
	return steps
}
