package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/view"
)

func (a *app) explainCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [CHECK]",
		Short: "Tell what a check of preflight looks at, why, and what to do",
		Long: "Tell what a check of preflight looks at, why that matters, what to do about a finding, and how to change its\n" +
			"severity. Without an argument: the list of all checks.",
		Example: "  pmkctl explain PF012",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.explainAll(asJSON)
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (a *app) explainAll(asJSON bool) error {
	if !asJSON {
		return view.ExplainAll(a.out, preflight.Catalogue, a.style(a.out))
	}
	var all []view.Explained
	for _, c := range preflight.Catalogue {
		all = append(all, view.NewExplained(c))
	}
	return view.ExplainJSON(a.out, all)
}

func (a *app) explain(id string, asJSON bool) error {
	c, ok := preflight.Find(strings.ToUpper(id))
	switch near := preflight.Near(id); {
	case ok && asJSON:
		return view.ExplainJSON(a.out, view.NewExplained(c))
	case ok:
		return view.Explain(a.out, c, a.style(a.out))
	case near != "":
		return fmt.Errorf("there is no check %q; did you mean %s? pmkctl explain lists them all", id, near)
	}
	return fmt.Errorf("%q is no check; write the id of one, such as %s: pmkctl explain lists them all", id, preflight.OtherCluster)
}
