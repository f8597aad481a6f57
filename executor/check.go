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
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
)

// checkLimit is the longest time for a check or a probe that is no
// plan.SlowProbe. Both make a few calls.
const checkLimit = 2 * time.Minute

// longest returns the time limit for checking all steps: checkLimit, or more if
// one of them may be slow.
func longest(steps []*plan.Step) time.Duration {
	most := checkLimit
	for _, s := range steps {
		if slow, ok := s.Probe.(plan.SlowProbe); ok {
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
	Diffs    map[address.Addr]change.Diff         // an entry for every module that was checked
	Findings map[address.Addr][]preflight.Finding // of the probes, the worst first
	Errs     map[address.Addr]error               // steps whose check failed
	Excluded map[address.Addr]change.Exclusion    // steps that are not done; see Narrow
}

// Check compares every step with its host, all at once. A step that needs the
// output of another one waits for that value, not for the order of the graph.
// Check changes nothing.
func Check(ctx context.Context, g *plan.Graph, hosts Hosts, sink event.Sink) *Checked {
	ctx, cancel := context.WithTimeout(ctx, longest(g.Steps))
	defer cancel()
	c := newChecked(g)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, s := range longestFirst(g.Steps) {
		wg.Go(func() {
			ctx := event.WithProgress(ctx, s.Addr, sink)
			switch h := hosts[s.RunsOn()]; {
			case s.Work != nil:
				d, err := check(ctx, s, h)
				mu.Lock()
				defer mu.Unlock()
				c.Diffs[s.Addr] = d
				c.fail(s, err)
				sink(event.StepChecked{Addr: s.Addr, Diff: d, Err: err})
			case s.Probe != nil:
				found, err := probe(ctx, s, h)
				mu.Lock()
				defer mu.Unlock()
				c.Findings[s.Addr] = found
				c.fail(s, err)
				sink(event.StepProbed{Addr: s.Addr, Findings: found, Err: err})
			}
		})
	}
	wg.Wait()
	return c
}

func newChecked(g *plan.Graph) *Checked {
	return &Checked{Graph: g, Diffs: map[address.Addr]change.Diff{}, Findings: map[address.Addr][]preflight.Finding{}, Errs: map[address.Addr]error{}}
}

// fail notes the error of a step's check, if there is one.
func (c *Checked) fail(s *plan.Step, err error) {
	if err != nil {
		c.Errs[s.Addr] = &Error{s.Addr, OpCheck, err}
	}
}

// probe runs one probe and settles its outputs.
func probe(ctx context.Context, s *plan.Step, h host.Host) ([]preflight.Finding, error) {
	defer settle(s.Probe)
	return s.Probe.Probe(ctx, h)
}

// settle settles the outputs of a module or a probe.
func settle(work any) {
	if giver, ok := work.(modules.Giver); ok {
		for _, o := range giver.Outputs() {
			o.Settle()
		}
	}
}

// check runs the check of one module and settles its outputs. If another step
// could not give a value yet, the result is a change that is known later, not
// an error.
func check(ctx context.Context, s *plan.Step, h host.Host) (change.Diff, error) {
	d, err := s.Work.Check(ctx, h)
	settle(s.Work)
	if u := (*modules.UnknownError)(nil); errors.As(err, &u) {
		return change.Diff{{Action: change.Add, Item: s.Addr.String(), Until: u.Until}}, nil
	}
	return d, err
}

// Pending returns the steps that have something to change, in plan order.
func (c *Checked) Pending() []*plan.Step {
	var steps []*plan.Step
	for _, s := range c.Graph.Steps {
		if s.Work != nil && len(c.Diffs[s.Addr]) > 0 {
			steps = append(steps, s)
		}
	}
	return steps
}

// PendingAddrs returns the addresses of the pending steps, in plan order.
func (c *Checked) PendingAddrs() []address.Addr {
	var list []address.Addr
	for _, s := range c.Pending() {
		list = append(list, s.Addr)
	}
	return list
}

// Failed returns the probes that found errors, and the errors of checks, both
// in plan order.
func (c *Checked) Failed() (probes []address.Addr, errs []error) {
	for _, s := range c.Graph.Steps {
		if preflight.Stops(c.Findings[s.Addr]) {
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
func (c *Checked) Moved(earlier *Checked) []address.Addr {
	var moved []address.Addr
	for _, s := range c.Graph.Steps {
		if s.Work != nil && !sameDiff(steady(c.Diffs[s.Addr]), steady(earlier.Diffs[s.Addr])) {
			moved = append(moved, s.Addr)
		}
	}
	return moved
}

func sameDiff(a, b change.Diff) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
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
func (c *Checked) Action(a address.Addr) change.Action { return c.Diffs[a].Action() }

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
