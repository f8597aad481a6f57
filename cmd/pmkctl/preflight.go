package main

import (
	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/sshhost"
)

func (a *app) preflightCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "preflight [SPEC]",
		Short: "Check hosts, ports and every pair of hosts; changes nothing",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.preflight(cmd, args) },
	}
	return a.hostFlags(cmd)
}

func (a *app) preflight(cmd *cobra.Command, args []string) error {
	w, err := a.open(cmd, args, sshhost.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer w.close()
	w.probesOnly = true
	if err := w.compile(cmd.Context()); err != nil {
		return err
	}
	checked := w.check(cmd.Context())
	w.progress.Hide()
	if err := w.showPreflight(checked); err != nil {
		return err
	}
	return w.judge(checked)
}
