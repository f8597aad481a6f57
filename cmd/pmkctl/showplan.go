package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/run"
	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/page"
	"github.com/pmkctl/pmkctl/view/terminal"
	"github.com/pmkctl/pmkctl/view/wording"
)

// showFlags are the flags of show.
type showFlags struct {
	json     bool
	markdown bool
	html     string
}

func (a *app) showCommand() *cobra.Command {
	var f showFlags
	cmd := &cobra.Command{
		Use:   "show PLAN",
		Short: "Show a saved plan; asks no host",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return a.showPlan(args, f) },
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "as JSON; docs/plan-json.md describes it")
	cmd.Flags().StringVar(&f.html, "html", "", "also write a page to `FILE`, for those who review the plan; docs/review.md tells what it has")
	cmd.Flags().BoolVar(&f.markdown, "markdown", false, "as Markdown, for a merge request; always under 65,000 characters")
	a.fullFlag(cmd)
	return cmd
}

func (a *app) showPlan(args []string, f showFlags) error {
	if f.json && f.markdown {
		return errors.New("-json and -markdown are two forms; ask for one at a time")
	}
	if len(args) == 0 {
		return errors.New("show which plan? Name the file that pmkctl plan -out=FILE saved")
	}
	if !namesPlan(args) {
		return errors.New(args[0] + " is no saved plan; show shows what pmkctl plan -out=FILE saved, and pmkctl plan shows the plan of a spec")
	}
	if err := checkPage(f.html, ""); err != nil {
		return err
	}
	p, id, err := run.ReadPlan(args[0])
	if err != nil {
		return err
	}
	if f.html != "" {
		if err := page.WritePlan(f.html, p, id); err != nil {
			return err
		}
	}
	switch {
	case f.markdown:
		return page.Markdown(a.console.Out, p, id, wording.NamesOf(p.Cluster))
	case f.json:
		return document.Plan(a.console.Out, p, id, wording.Summary(executor.Saved(p).Summary()))
	}
	return terminal.Saved(a.console.Out, p, id, wording.NamesOf(p.Cluster), a.console.Style())
}
