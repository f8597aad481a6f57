package main

import (
	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/run"
)

// preflightFlags are the flags of preflight.
type preflightFlags struct {
	json bool
	html string
}

func (a *app) preflightCommand() *cobra.Command {
	var f preflightFlags
	cmd := &cobra.Command{
		Use:   "preflight [SPEC]",
		Short: "Check hosts, ports and every pair of hosts; changes nothing",
		Long: "Check hosts, ports and every pair of hosts over every port that the spec needs; changes nothing.\n" +
			"pmkctl explain tells about the checks.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run.Preflight(cmd.Context(), run.PreflightOptions{Options: a.options(args), JSON: f.json, Page: f.html, ExitCode: a.exitCode})
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON document instead, with every edge and port (docs/preflight.md)")
	cmd.Flags().StringVar(&f.html, "html", "", "also write a page to `FILE`, with the matrix of all hosts")
	return a.eventFlags(a.hostFlags(cmd), false)
}
