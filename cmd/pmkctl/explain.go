package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/terminal"
)

func (a *app) explainCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [CHECK | STEP [SPEC | PLAN]]",
		Short: "Tell what a check of preflight or a step of a plan is about",
		Long: "Tell what a check of preflight looks at, why that matters, what to do about a finding, and how to change its\n" +
			"severity. Or tell why a step is in the plan, which line asked for it, what it does, what it waits for and what waits\n" +
			"for it; of a spec as an apply to bare hosts would do it. Without an argument: the list of all checks.",
		Example: "  pmkctl explain PF012\n  pmkctl explain kubelet.worker-1\n  pmkctl explain etcd.cp-1 cluster.plan",
		Args:    cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return a.explainAll(asJSON)
			case len(args) == 2 || namesStep(args[0]):
				return a.explainStep(cmd.Context(), args, asJSON)
			}
			return a.explain(args[0], asJSON)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, c := range preflight.Catalogue {
				ids = append(ids, c.ID+"\t"+c.Title)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON; docs/schema/explain.json describes it")
	return a.specFlags(cmd)
}

// namesStep reports whether an argument names a step rather than a check.
func namesStep(text string) bool {
	return strings.Contains(text, ".") || plan.Purpose(text) != ""
}

func (a *app) explainAll(asJSON bool) error {
	if !asJSON {
		return terminal.ExplainAll(a.console.Out, preflight.Catalogue, a.console.Style())
	}
	var all []document.Explained
	for _, c := range preflight.Catalogue {
		all = append(all, document.NewExplained(c))
	}
	return document.Write(a.console.Out, all)
}

func (a *app) explain(id string, asJSON bool) error {
	c, ok := preflight.Find(strings.ToUpper(id))
	switch near := preflight.Near(id); {
	case ok && asJSON:
		return document.Write(a.console.Out, document.NewExplained(c))
	case ok:
		return terminal.Explain(a.console.Out, c, a.console.Style())
	case near != "":
		return fmt.Errorf("there is no check %q; did you mean %s? pmkctl explain lists them all", id, near)
	}
	return fmt.Errorf("%q is no check; write the id of one, such as %s: pmkctl explain lists them all", id, preflight.OtherCluster)
}
