package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/view"
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
		RunE: func(cmd *cobra.Command, args []string) error { return a.scan(cmd, args, write) },
	}
	scan.Flags().BoolVar(&write, "write", false, "add the keys to the known_hosts file of each host")
	cmd.AddCommand(a.hostFlags(scan))
	return cmd
}

func (a *app) scan(cmd *cobra.Command, args []string, write bool) error {
	cluster, _, err := a.load(specPath(args))
	if err != nil {
		return err
	}
	hosts, err := a.included(cluster)
	if err == nil {
		err = a.knowsExcluded(cluster, cluster.Hosts)
	}
	if err != nil {
		return err
	}
	failed := false
	for _, h := range hosts {
		t := target(h.Name, h.SSH)
		keys, err := sshhost.Scan(cmd.Context(), t, sshhost.Options{})
		if err != nil {
			failed = true
			a.note("pmkctl: %v", err)
			continue
		}
		for _, k := range keys {
			fmt.Fprintf(a.out, "%s %s\n", h.Name, sshhost.Fingerprint(k))
		}
		if !write {
			continue
		}
		added, err := sshhost.AddKnownHosts(knownHosts(h.SSH), t, keys, sshhost.Options{})
		if err != nil {
			return &exitError{exitUnreachable, err}
		}
		a.note("%s: %s added to %s", h.Name, view.Count(added, "key"), knownHosts(h.SSH))
	}
	if failed {
		return &exitError{Code: exitUnreachable}
	}
	return nil
}

// knownHosts is the file that a host's keys belong in.
func knownHosts(s spec.SSH) string {
	if s.KnownHosts != "" {
		return s.KnownHosts
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".ssh", "known_hosts")
}
