package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/view/wording"
)

func (a *app) validateCommand() *cobra.Command {
	return a.eventFlags(a.specFlags(&cobra.Command{
		Use:   "validate [SPEC]",
		Short: "Check a spec without reaching any host",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			cluster, _, err := a.options(args).Load()
			if err != nil {
				return err
			}
			fmt.Fprintf(a.console.Out, "The spec is valid: cluster %s, %s.\n", cluster.Name, wording.Count(len(cluster.Hosts), "host"))
			return nil
		},
	}), true)
}
