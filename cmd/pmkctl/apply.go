package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/state"
	"github.com/pmkctl/pmkctl/view"
)

// applyFlags are those of apply alone.
type applyFlags struct {
	approve     bool
	parallelism int
	sha256      string // of the saved plan that is meant
	lockTimeout time.Duration
}

// lockWait outlasts the seconds that a host needs to notice that a run died.
const lockWait = 5 * time.Second

func (a *app) applyCommand() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:   "apply [SPEC | PLAN]",
		Short: "Show the plan, ask, and make the changes on all hosts; or make those of a saved plan",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.apply(cmd, args, f) },
	}
	cmd.Flags().StringVar(&f.sha256, "sha256", "", "apply the saved plan only if this is its `DIGEST`")
	a.changeFlags(cmd, &f)
	return a.eventFlags(a.selectFlags(a.hostFlags(cmd)), true)
}

// changeFlags are the flags of commands that change hosts.
func (a *app) changeFlags(cmd *cobra.Command, f *applyFlags) {
	cmd.Flags().BoolVar(&f.approve, "auto-approve", false, "do not ask")
	cmd.Flags().IntVar(&f.parallelism, "parallelism", 64, "at most `N` steps at a time")
	cmd.Flags().DurationVar(&f.lockTimeout, "lock-timeout", lockWait, "wait up to `D` (30s, 5m) for a host that another run has locked")
	a.fullFlag(cmd)
}

func (a *app) apply(cmd *cobra.Command, args []string, f applyFlags) error {
	ctx := cmd.Context()
	if namesPlan(args) {
		return a.applyPlan(ctx, args[0], f)
	}
	if f.sha256 != "" {
		return errors.New("-sha256 is the digest of a saved plan, and this is a spec")
	}
	w, err := a.open(cmd, args, sshhost.Options{})
	if err != nil {
		return err
	}
	defer w.close()
	w.applies = true
	if err := w.unreachable(); err != nil {
		return err // an apply needs all its hosts; plan and preflight judge the rest
	}
	// Without a human to wait for, one check under the lock serves as plan.
	if f.approve {
		if err := w.lock(ctx, f.lockTimeout); err != nil {
			return err
		}
	}
	checked, err := w.planned(ctx)
	if err != nil || len(checked.Pending()) == 0 {
		return err
	}
	if !f.approve {
		if err := w.approve(ctx); err != nil {
			return err
		}
		if err := w.lock(ctx, f.lockTimeout); err != nil {
			return err
		}
		if checked, err = w.recheck(ctx, checked); err != nil {
			return err
		}
	}
	return w.change(ctx, checked, f)
}

// planned compiles, checks and shows.
func (w *work) planned(ctx context.Context) (*executor.Checked, error) {
	if err := w.compile(ctx); err != nil {
		return nil, err
	}
	checked := w.check(ctx)
	if err := w.show(checked); err != nil {
		return nil, err
	}
	return checked, w.judge(checked)
}

// recheck makes sure, now that the hosts are locked, that what was approved
// is still what would be done.
func (w *work) recheck(ctx context.Context, approved *executor.Checked) (*executor.Checked, error) {
	if err := w.compile(ctx); err != nil {
		return nil, err
	}
	now := w.check(ctx)
	if err := w.judge(now); err != nil {
		return nil, err
	}
	moved := now.Moved(approved)
	if len(moved) == 0 {
		return now, nil
	}
	var names []string
	for _, a := range moved {
		names = append(names, a.String())
	}
	return nil, &exitError{exitRefused, fmt.Errorf("the hosts changed after the plan was shown: %s; nothing was changed, plan again",
		strings.Join(names, ", "))}
}

// approve asks a human.
func (w *work) approve(ctx context.Context) error {
	if err := w.mayAsk(); err != nil {
		return err
	}
	question, consent := w.question()
	fmt.Fprint(w.err, question)
	answers := make(chan string, 1)
	go func() { // a read from a terminal cannot be interrupted
		line, _ := bufio.NewReader(w.in).ReadString('\n')
		answers <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(w.err)
		return ctx.Err()
	case answer := <-answers:
		if strings.TrimSpace(answer) != consent {
			return errors.New("not approved; nothing was changed")
		}
	}
	return nil
}

// question is what a human is asked, and the one answer that counts.
func (w *work) question() (question, consent string) {
	if w.destroy {
		return fmt.Sprintf("All of this goes, with all data in the cluster. To destroy it, type its name, %s: ", w.cluster.Name), w.cluster.Name
	}
	return "Apply these changes? Only \"yes\" is accepted: ", "yes"
}

// lock takes the lock of every host, for as long as the sessions live.
func (w *work) lock(ctx context.Context, wait time.Duration) error {
	r := host.LockRequest{Run: w.run, Who: who(), For: "apply", Wait: wait}
	err := w.conn.each(func(_ string, s host.Session) error { return s.Lock(ctx, r) })
	if locked := (*host.LockedError)(nil); errors.As(err, &locked) {
		return &exitError{exitRefused, fmt.Errorf("%w\nNothing was changed. To wait for it: -lock-timeout=5m", err)}
	}
	return err
}

// change arms the agents and walks the plan.
func (w *work) change(ctx context.Context, checked *executor.Checked, f applyFlags) error {
	if err := w.conn.each(func(_ string, s host.Session) error { return s.Arm(ctx, cmp.Or(w.planID, w.run)) }); err != nil {
		return err
	}
	keepers := w.keepers()
	if err := w.noteDone(ctx, keepers); err != nil {
		return err
	}
	w.graceful.Store(true)
	w.progress.Event(event.Phase{Name: "apply", Total: len(checked.Pending())})
	result := executor.Apply(ctx, checked, w.hosts(), executor.Options{
		Parallelism: f.parallelism, Keepers: keepers, Stop: w.stop, Reviewed: w.reviewed()}, w.progress.Event)
	w.graceful.Store(false)
	w.tellResult(result)
	if !result.Complete() {
		w.progress.Hide()
		shown := view.Result(w.out, result, w.style(w.out))
		return &exitError{exitIncomplete, errors.Join(shown, errors.New("apply is incomplete; run it again to go on"))}
	}
	return w.verify(ctx, checked, result)
}

// keepers keep the records, one for each host.
func (w *work) keepers() map[string]*state.Keeper {
	keepers := map[string]*state.Keeper{}
	for name, s := range w.conn.sessions {
		keepers[name] = state.NewKeeper(s, w.run, w.records[name])
		keepers[name].Plan = w.planID
	}
	w.compiled.Join(keepers)
	return keepers
}

// verify checks everything once more, so that "done" means that the hosts
// are as the spec says, but for what was left out. Output that cannot be
// written is an error behind the exit code of the run.
func (w *work) verify(ctx context.Context, checked *executor.Checked, result *executor.Result) error {
	w.progress.Event(event.Phase{Name: "verify"})
	left := executor.Verify(ctx, checked.Scope(), w.hosts())
	w.progress.Hide()
	shown := errors.Join(view.Result(w.out, result, w.style(w.out)), w.showNotCleaned())
	w.tellLeft(left)
	_, errs := left.Failed()
	if len(left.Pending())+len(errs) == 0 {
		return shown
	}
	shown = errors.Join(shown, view.Plan(w.out, left, w.names(), w.style(w.out)))
	next := "run it again to go on"
	if w.saved != nil {
		next = "plan again to go on"
	}
	return &exitError{exitIncomplete, errors.Join(append(errs, shown,
		errors.New("the check after the apply found what is shown above; "+next))...)}
}
