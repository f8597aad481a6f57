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
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/state"
)

// Options are the options of Apply.
type Options struct {
	Parallelism int                      // steps at a time; 0 is 64
	Keepers     map[string]*state.Keeper // by host
	Stop        <-chan struct{}          // when it is closed, no further step begins; running ones are finished

	// Reviewed holds the changes that each step may make. If it is nil, these
	// are the planned ones.
	Reviewed map[address.Addr]change.Diff
}

// Result is the result of an apply. Every pending step is in one of the lists.
// Failed also has steps without a change whose host does not work after the
// changes before them.
type Result struct {
	Done    []address.Addr
	Failed  []*Error
	Skipped []event.StepSkipped
}

// Complete reports whether every step was done.
func (r *Result) Complete() bool { return len(r.Failed)+len(r.Skipped) == 0 }

// Apply makes the changes in planned. A step begins when all steps that it
// waits for have succeeded. A step that fails stops only the steps that depend
// on it. Cancelling ctx interrupts the running steps.
func Apply(ctx context.Context, planned *Checked, hosts Hosts, opts Options, sink event.Sink) *Result {
	if opts.Parallelism <= 0 {
		opts.Parallelism = 64
	}
	w := &walk{planned: planned, hosts: hosts, opts: opts, sink: sink,
		slots: make(chan struct{}, opts.Parallelism), ends: map[address.Addr]*end{}, turns: turnsOf(planned)}
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

// walk is a running apply.
type walk struct {
	planned *Checked
	hosts   Hosts
	opts    Options
	sink    event.Sink
	slots   chan struct{}
	ends    map[address.Addr]*end
	turns   turns
}

// end is how a step ended. It is written before done is closed.
type end struct {
	done    chan struct{}
	changed bool
	touched bool // this run changed something on its host before
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
		w.skip(s, e, pending, address.Addr{})
		return
	}
	if w.stopped() || ctx.Err() != nil {
		w.skip(s, e, pending, address.Addr{})
		return
	}
	w.run(ctx, s, e)
}

// waitFor waits for all of after. If one of them failed or was skipped, ok is
// false and cause is the step that failed first on that path.
func (w *walk) waitFor(after []address.Addr) (cause address.Addr, ok bool) {
	ok = true
	for _, a := range after {
		e := w.ends[a]
		if e == nil {
			continue // its host is excluded from this plan
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

func (w *walk) skip(s *plan.Step, e *end, pending bool, cause address.Addr) {
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

// pass runs a step that has nothing to change.
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

// change checks the step once more, because earlier steps may have made values
// known, and makes the changes.
func (w *walk) change(ctx context.Context, s *plan.Step) (changed bool, err error) {
	h := w.hosts[s.RunsOn()]
	m := s.Work
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
		return true, err // the journal is on the lost host
	}
	// Write the journal even if the run is being interrupted.
	noted := keeper.End(context.WithoutCancel(ctx), s.Addr, d, err)
	return true, errors.Join(err, noted)
}

// asPlanned returns an error for a change that was not in the plan. Changes of
// state that happens by itself, such as a unit that stopped meanwhile, are not
// compared.
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

// waited reports whether the plan could not know a change of this step: its
// item, or the whole step, was to be known later, or it is a generated file,
// such as a public key, whose content only the step itself finds out.
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
