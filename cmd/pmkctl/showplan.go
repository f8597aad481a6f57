package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/view"
)

func (a *app) showCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show PLAN",
		Short: "Show a saved plan; asks no host",
		Args:  cobra.ExactArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return a.showPlan(args, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON; docs/plan-json.md describes it")
	return cmd
}

func (a *app) showPlan(args []string, asJSON bool) error {
	if !namesPlan(args) {
		return errors.New(args[0] + " is no saved plan; show shows what pmkctl plan -out=FILE saved, and pmkctl plan shows the plan of a spec")
	}
	p, id, err := readPlan(args[0])
	if err != nil {
		return err
	}
	if asJSON {
		return view.SavedJSON(a.out, p, id)
	}
	return view.Saved(a.out, p, id, namesOf(p.Cluster), a.style(a.out))
}
