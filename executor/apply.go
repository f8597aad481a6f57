package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/state"
)

// Options say how an apply runs.
type Options struct {
	Parallelism int                      // steps at a time; 0 is 64
	Keepers     map[string]*state.Keeper // by host
	Stop        <-chan struct{}          // closed to begin no further step; those under way are finished

	// Reviewed is what the changes of a step may be; those that were planned
	// where it is nil.
	Reviewed map[address.Step]change.Diff
}

// Result is what came of an apply. Every pending step is in one of the lists;
// Failed has also steps without a change whose host does not serve again.
type Result struct {
	Done    []address.Step
	Failed  []*Error
	Skipped []event.StepSkipped
}

// Complete tells that every step was done.
func (r *Result) Complete() bool { return len(r.Failed)+len(r.Skipped) == 0 }

// Apply makes the changes that planned holds. A step begins when all that it
// waits for has succeeded; a step that fails stops what depends on it and
// nothing else. Cancelling ctx cuts off the steps under way.
func Apply(ctx context.Context, planned *Checked, hosts Hosts, opts Options, sink event.Sink) *Result {
	if opts.Parallelism <= 0 {
		opts.Parallelism = 64
	}
	w := &walk{planned: planned, hosts: hosts, opts: opts, sink: sink,
		slots: make(chan struct{}, opts.Parallelism), ends: map[address.Step]*end{}, turns: turnsOf(planned)}
	for _, s := range planned.Graph.Steps {
		w.ends[s.Addr] = &end{done: make(chan struct{})}
	}
	var wg sync.WaitGroup
	for _, s := range planned.Graph.Steps {
		wg.Go(func() { w.step(ctx, s) })
	}
	wg.Wait()
	return w.result()
}

// walk is one apply under way.
type walk struct {
	planned *Checked
	hosts   Hosts
	opts    Options
	sink    event.Sink
	slots   chan struct{}
	ends    map[address.Step]*end
	turns   turns
}

// end is how a step ended; it is written before done is closed.
type end struct {
	done    chan struct{}
	changed bool
	touched bool // this run changed something of its host before
	err     *Error
	skipped *event.StepSkipped
}

func (e *end) failed() bool { return e.err != nil || e.skipped != nil }

func (w *walk) step(ctx context.Context, s *plan.Step) {
	e := w.ends[s.Addr]
	defer close(e.done)
	pending := w.planned.pending(s)
	if cause, ok := w.waitFor(s.After); !ok {
		w.skip(s, e, pending, cause)
		return
	}
	e.touched = w.touched(s)
	if !pending {
		w.pass(ctx, s, e)
		return
	}
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-w.opts.Stop:
		w.skip(s, e, pending, address.Step{})
		return
	}
	if w.stopped() || ctx.Err() != nil {
		w.skip(s, e, pending, address.Step{})
		return
	}
	w.run(ctx, s, e)
}

// waitFor waits for all of after, and names the first failure behind which
// the step stands.
func (w *walk) waitFor(after []address.Step) (cause address.Step, ok bool) {
	ok = true
	for _, a := range after {
		e := w.ends[a]
		if e == nil {
			continue // left out of this plan with its host
		}
		<-e.done
		if !ok || !e.failed() {
			continue
		}
		cause, ok = a, false
		if e.skipped != nil {
			cause = e.skipped.Cause
		}
	}
	return cause, ok
}

func (w *walk) stopped() bool {
	select {
	case <-w.opts.Stop:
		return true
	default:
		return false
	}
}

func (w *walk) skip(s *plan.Step, e *end, pending bool, cause address.Step) {
	e.skipped = &event.StepSkipped{Addr: s.Addr, Cause: cause}
	if pending {
		w.sink(*e.skipped)
	}
}

func (w *walk) run(ctx context.Context, s *plan.Step, e *end) {
	began := time.Now()
	w.sink(event.StepStarted{Addr: s.Addr})
	op := OpApply
	changed, err := w.change(ctx, s)
	if err == nil {
		op, err = OpConfirm, w.confirm(ctx, s, e.touched)
	}
	if err != nil {
		w.fail(e, &Error{s.Addr, op, err}, began)
		return
	}
	e.changed = changed
	w.sink(event.StepDone{Addr: s.Addr, Took: time.Since(began), Nop: !changed})
}

// pass is the run of a step that has nothing to change.
func (w *walk) pass(ctx context.Context, s *plan.Step, e *end) {
	began := time.Now()
	if err := w.confirm(ctx, s, e.touched); err != nil {
		w.fail(e, &Error{s.Addr, OpConfirm, err}, began)
	}
}

func (w *walk) fail(e *end, err *Error, began time.Time) {
	e.err = err
	w.sink(event.StepFailed{Addr: err.Step, Err: err.Err, Took: time.Since(began)})
}

// change checks the step again, because earlier steps made known what was
// not, and makes the changes.
func (w *walk) change(ctx context.Context, s *plan.Step) (changed bool, err error) {
	h := w.hosts[s.RunsOn()]
	m := s.Work.(modules.Module)
	d, err := m.Check(ctx, h)
	if err != nil {
		return false, err
	}
	keeper := w.opts.Keepers[s.RunsOn()]
	if len(d) == 0 {
		return false, keeper.End(ctx, s.Addr, nil, nil)
	}
	reviewed := w.opts.Reviewed
	if reviewed == nil {
		reviewed = w.planned.Diffs
	}
	if err := asPlanned(d, reviewed[s.Addr]); err != nil {
		return false, err
	}
	if err := keeper.Begin(ctx, s.Addr, d); err != nil {
		return false, err
	}
	err = m.Apply(state.WithKeeper(event.WithProgress(ctx, s.Addr, w.sink), keeper), h, d)
	if errors.Is(err, host.ErrLost) {
		return true, err // there is nothing left to note it on
	}
	// The note is worth having even if the run is being cut off.
	noted := keeper.End(context.WithoutCancel(ctx), s.Addr, d, err)
	return true, errors.Join(err, noted)
}

// asPlanned refuses a change that nobody has seen: what the plan knew must
// be what is done. State that moves by itself, such as a unit that
// meanwhile stopped, is not compared.
func asPlanned(now, planned change.Diff) error {
	for _, c := range now {
		if !c.IsSettled() || waited(c, planned) || slices.ContainsFunc(planned, func(p change.Change) bool {
			return p.Item == c.Item && p.Kind == c.Kind && p.Want == c.Want && p.SHA256 == c.SHA256
		}) {
			continue
		}
		return fmt.Errorf("%s is not as the plan saw it: somebody changed it meanwhile; plan again", c.Item)
	}
	return nil
}

// waited tells if the plan could not know a change of this step: its item,
// or all of the step, was to be known later; or it is a file of which only
// the step itself can tell what is in it, such as a public key.
func waited(c change.Change, planned change.Diff) bool {
	return slices.ContainsFunc(planned, func(p change.Change) bool {
		return p.Item == c.Item && (p.Generated || !p.Until.IsZero()) || p.IsWhole()
	})
}

func (w *walk) result() *Result {
	r := &Result{}
	for _, s := range w.planned.Graph.Steps {
		e := w.ends[s.Addr]
		switch {
		case e.err != nil:
			r.Failed = append(r.Failed, e.err)
		case !w.planned.pending(s):
		case e.skipped != nil:
			r.Skipped = append(r.Skipped, *e.skipped)
		default:
			r.Done = append(r.Done, s.Addr)
		}
	}
	return r
}
