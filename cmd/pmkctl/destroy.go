package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/run"
)

func (a *app) destroyCommand() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:   "destroy [SPEC]",
		Short: "Take everything that pmkctl installed off all hosts; asks for the cluster's name",
		Long: "Take everything that pmkctl installed off all hosts of the spec, and off those that left it and were not removed yet.\n" +
			"What stood there before is put back. pmkctl plan -destroy shows the same, and saves it.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if namesPlan(args) {
				return fmt.Errorf("%s is a saved plan: pmkctl apply does what it says", args[0])
			}
			return run.Destroy(cmd.Context(), a.applyOptions(args, f))
		},
	}
	a.changeFlags(cmd, &f)
	return a.eventFlags(a.hostFlags(cmd), true)
}
