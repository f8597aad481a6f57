package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/sshhost"
)

// planFlags are those of plan alone.
type planFlags struct {
	detailed bool
	out      string
	html     string
	drift    bool
}

func (a *app) planCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan [SPEC]",
		Short: "Show what apply would change on which host; changes nothing",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.plan(cmd, args, f) },
	}
	cmd.Flags().BoolVar(&f.detailed, "detailed-exitcode", false, "exit 2 if there is something to change")
	cmd.Flags().StringVar(&f.out, "out", "", "save the plan to `FILE`, for show and apply")
	cmd.Flags().StringVar(&f.html, "html", "", "also write a page to `FILE`, for those who review the plan")
	a.fullFlag(cmd)
	cmd.Flags().BoolVar(&a.flags.destroy, "destroy", false, "plan to take everything off all hosts")
	cmd.Flags().BoolVar(&f.drift, "drift", false, "show what differs from what pmkctl left on the hosts, since when, and who may have done it")
	return a.eventFlags(a.selectFlags(a.hostFlags(cmd)), true)
}

func (a *app) plan(cmd *cobra.Command, args []string, f planFlags) error {
	if f.drift {
		return a.drift(cmd, args, f)
	}
	if a.flags.destroy && len(a.flags.selection.Replace) > 0 {
		return errors.New("-replace does steps again, and -destroy takes all away; ask for one of them")
	}
	if f.out != "" {
		if err := checkOut(f.out); err != nil {
			return err
		}
	}
	if err := checkPage(f.html, f.out); err != nil {
		return err
	}
	w, err := a.open(cmd, args, sshhost.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.compile(cmd.Context()); err != nil {
		return err
	}
	checked := w.check(cmd.Context())
	if err := w.show(checked); err != nil {
		return err
	}
	if err := w.judge(checked); err != nil {
		return err
	}
	if f.out != "" {
		if err := w.save(cmd.Context(), f.out, checked); err != nil {
			return err
		}
	}
	if f.html != "" {
		if err := w.page(cmd.Context(), f.html, f.out, checked); err != nil {
			return err
		}
	}
	if f.detailed && len(checked.Pending()) > 0 {
		return &exitError{Code: exitChanges}
	}
	return nil
}
