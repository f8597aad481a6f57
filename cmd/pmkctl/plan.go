package main

import (
	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/sshhost"
)

func (a *app) planCommand() *cobra.Command {
	var detailed bool
	cmd := &cobra.Command{
		Use:   "plan [SPEC]",
		Short: "Show what apply would change on which host; changes nothing",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.plan(cmd, args, detailed) },
	}
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit 2 if there is something to change")
	return a.hostFlags(cmd)
}

func (a *app) plan(cmd *cobra.Command, args []string, detailed bool) error {
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
	if detailed && len(checked.Pending()) > 0 {
		return &exitError{Code: exitChanges}
	}
	return nil
}
