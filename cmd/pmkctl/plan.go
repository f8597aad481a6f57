package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/run"
)

// planFlags are the flags of plan.
type planFlags struct {
	detailed bool
	out      string
	html     string
	drift    bool
	destroy  bool
}

func (a *app) planCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan [SPEC]",
		Short: "Show what apply would change on which host; changes nothing",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.plan(cmd.Context(), args, f) },
	}
	cmd.Flags().BoolVar(&f.detailed, "detailed-exitcode", false, "exit 2 if there is something to change")
	cmd.Flags().StringVar(&f.out, "out", "", "save the plan to `FILE`, for show and apply")
	cmd.Flags().StringVar(&f.html, "html", "", "also write a page to `FILE`, for those who review the plan")
	a.fullFlag(cmd)
	cmd.Flags().BoolVar(&f.destroy, "destroy", false, "plan to take everything off all hosts")
	cmd.Flags().BoolVar(&f.drift, "drift", false, "show what differs from what pmkctl left on the hosts, since when, and who may have done it")
	return a.eventFlags(a.selectFlags(a.hostFlags(cmd)), true)
}

func (a *app) plan(ctx context.Context, args []string, f planFlags) error {
	if err := a.checkPlanFlags(f); err != nil {
		return err
	}
	if f.drift {
		return run.Drift(ctx, a.options(args), f.detailed)
	}
	return run.Plan(ctx, run.PlanOptions{Options: a.options(args), Destroy: f.destroy, Out: f.out, Page: f.html, Detailed: f.detailed})
}

// checkPlanFlags returns an error for flags that contradict each other, and for
// files that cannot be written.
func (a *app) checkPlanFlags(f planFlags) error {
	s := a.flags.selection
	switch {
	case f.drift && f.destroy:
		return errors.New("-drift and -destroy are two questions; ask one at a time")
	case f.drift && (f.out != "" || f.html != ""):
		return errors.New("-drift compares with what pmkctl left on the hosts; a plan to save is made without it")
	case f.drift && len(s.Target)+len(s.Limit)+len(s.Replace) > 0:
		return errors.New("-drift looks at all that pmkctl left on the hosts; -target, -limit and -replace are for a plan")
	case f.destroy && len(s.Replace) > 0:
		return errors.New("-replace does steps again, and -destroy takes all away; ask for one of them")
	}
	if err := checkOut(f.out); err != nil {
		return err
	}
	return checkPage(f.html, f.out)
}
