package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/run"
	"github.com/pmkctl/pmkctl/view/terminal"
)

// applyFlags are the flags of commands that change hosts.
type applyFlags struct {
	approve     bool
	parallelism int
	lockTimeout time.Duration
}

// lockWait is longer than the seconds that a host needs to notice that a run
// has died.
const lockWait = 5 * time.Second

func (a *app) applyCommand() *cobra.Command {
	var f applyFlags
	var sha256 string
	cmd := &cobra.Command{
		Use:   "apply [SPEC | PLAN]",
		Short: "Show the plan, ask, and make the changes on all hosts; or make those of a saved plan",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case namesPlan(args):
				return a.applyPlan(cmd.Context(), args, f, sha256)
			case sha256 != "":
				return errors.New("-sha256 is the digest of a saved plan, and this is a spec")
			}
			return run.Apply(cmd.Context(), a.applyOptions(args, f))
		},
	}
	cmd.Flags().StringVar(&sha256, "sha256", "", "apply the saved plan only if this is its `DIGEST`")
	a.changeFlags(cmd, &f)
	return a.eventFlags(a.selectFlags(a.hostFlags(cmd)), true)
}

// changeFlags adds the flags of commands that change hosts.
func (a *app) changeFlags(cmd *cobra.Command, f *applyFlags) {
	cmd.Flags().BoolVar(&f.approve, "auto-approve", false, "do not ask")
	cmd.Flags().IntVar(&f.parallelism, "parallelism", 64, "at most `N` steps at a time")
	cmd.Flags().DurationVar(&f.lockTimeout, "lock-timeout", lockWait, "wait up to `D` (30s, 5m) for a host that another run has locked")
	a.fullFlag(cmd)
}

func (a *app) applyPlan(ctx context.Context, args []string, f applyFlags, sha256 string) error {
	if err := a.noSelection(); err != nil {
		return err
	}
	return run.ApplySaved(ctx, a.applyOptions(args, f), args[0], sha256)
}

func (a *app) applyOptions(args []string, f applyFlags) run.ApplyOptions {
	o := run.ApplyOptions{Options: a.options(args), Parallelism: f.parallelism, LockTimeout: f.lockTimeout,
		Stop: a.stop, Changing: a.graceful.Store}
	if !f.approve {
		o.Ask = a.ask
	}
	return o
}

// ask asks a human. It returns an error if flags forbid to ask, or if there is
// no terminal.
func (a *app) ask(ctx context.Context, question string) (string, error) {
	const instead = "; use -auto-approve, or save the plan (pmkctl plan -out=FILE) and apply that file"
	switch {
	case a.flags.json:
		return "", errors.New("approval is needed, and with -json nobody is asked" + instead)
	case !a.flags.input:
		return "", errors.New("approval is needed, and with -input=false nobody is asked" + instead)
	case !terminal.IsTerminal(a.console.In):
		return "", errors.New("approval is needed and there is no terminal to ask on" + instead)
	}
	return a.console.Ask(ctx, question)
}
