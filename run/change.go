package run

import (
	"cmp"
	"context"
	"errors"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/view/wording"
)

// An order is the changes to be made.
type order struct {
	checked  *executor.Checked
	plan     string                       // id of the saved plan; "" without one
	reviewed map[address.Addr]change.Diff // changes of each step in the saved plan; nil without one
	unnoted  []saved.Step                 // steps of the saved plan that are done, but not noted in a journal
	next     string                       // advice to the user if something remains
}

// change allows the agents to change their hosts, makes the changes of w, and
// verifies the result.
func (r *Run) change(ctx context.Context, w order, o ApplyOptions) error {
	if err := r.conn.arm(ctx, cmp.Or(w.plan, r.id)); err != nil {
		return err
	}
	keepers := r.conn.keepers(r.id, w.plan, r.world.Records)
	for _, s := range w.unnoted {
		if err := keepers[s.RunsOn()].End(ctx, s.Addr, nil, nil); err != nil {
			return err
		}
	}
	o.Changing(true)
	r.Console.Event(event.Phase{Name: "apply", Total: len(w.checked.Pending())})
	result := executor.Apply(ctx, w.checked, r.conn.hosts(), executor.Options{
		Parallelism: o.Parallelism, Keepers: keepers, Stop: o.Stop, Reviewed: w.reviewed}, r.Console.Event)
	o.Changing(false)
	r.Console.Emit(event.Applied{Done: len(result.Done), Failed: len(result.Failed), Skipped: len(result.Skipped)})
	if !result.Complete() {
		return &Error{Incomplete, errors.Join(r.Console.Result(result), errors.New("apply is incomplete; run it again to go on"))}
	}
	return r.verify(ctx, w, result)
}

// verify checks everything once more, so that "done" means that the hosts are
// as the spec says, except what was excluded. An error of the output counts
// only if the run itself has no error.
func (r *Run) verify(ctx context.Context, w order, result *executor.Result) error {
	r.Console.Event(event.Phase{Name: "verify"})
	remaining := executor.Verify(ctx, w.checked.Scope(), r.conn.hosts())
	shown := errors.Join(r.Console.Result(result), r.showSpared())
	r.Console.EmitRemaining(remaining)
	_, errs := remaining.Failed()
	if len(remaining.Pending())+len(errs) == 0 {
		return shown
	}
	shown = errors.Join(shown, r.Console.Plan(remaining, wording.NamesOf(r.cluster)))
	return &Error{Incomplete, errors.Join(append(errs, shown,
		errors.New("the check after the apply found what is shown above; "+w.next))...)}
}
