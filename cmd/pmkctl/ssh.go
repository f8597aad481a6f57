package main

import (
	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/run"
)

func (a *app) sshCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "ssh", Short: "About the SSH access to hosts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var write bool
	scan := &cobra.Command{
		Use:   "scan [SPEC]",
		Short: "Show the fingerprints of all hosts' keys",
		Long: "Show the fingerprints of all hosts' keys. Nothing is written unless -write is given:\n" +
			"compare them first with what the machines themselves say (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub).",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return run.Scan(cmd.Context(), a.options(args), write) },
	}
	scan.Flags().BoolVar(&write, "write", false, "add the keys to the known_hosts file of each host")
	cmd.AddCommand(a.hostFlags(scan))
	return cmd
}
