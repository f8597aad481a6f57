package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/atomicfile"
	"github.com/pmkctl/pmkctl/run"
)

// kubeconfigFlags are the flags of kubeconfig.
type kubeconfigFlags struct {
	out, server, user string
	lifetime          time.Duration
	lockTimeout       time.Duration
}

func (a *app) kubeconfigCommand() *cobra.Command {
	var f kubeconfigFlags
	cmd := &cobra.Command{
		Use:   "kubeconfig [SPEC]",
		Short: "Issue an administrator's kubeconfig; its key is made here and stays here",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.kubeconfig(cmd.Context(), args, f) },
	}
	cmd.Flags().StringVar(&f.out, "out", "", "write to `FILE` (mode 0600) instead of standard output")
	cmd.Flags().StringVar(&f.server, "server", "", "the API server's `URL`, if not the spec's endpoint")
	cmd.Flags().StringVar(&f.user, "user", "pmkctl-admin", "the user's `NAME`, as audit logs show it")
	cmd.Flags().DurationVar(&f.lifetime, "lifetime", 365*24*time.Hour, "how long the certificate is valid (`D` such as 8h)")
	cmd.Flags().DurationVar(&f.lockTimeout, "lock-timeout", 30*time.Second, "wait up to `D` while an apply holds the control plane")
	return a.specFlags(cmd)
}

func (a *app) kubeconfig(ctx context.Context, args []string, f kubeconfigFlags) error {
	if f.server != "" {
		if u, err := url.Parse(f.server); err != nil || u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("-server must be a URL such as https://192.0.2.11:6443, not %q", f.server)
		}
	}
	content, err := run.Kubeconfig(ctx, run.KubeconfigOptions{Options: a.options(args), Server: f.server, User: f.user,
		Lifetime: f.lifetime, LockTimeout: f.lockTimeout})
	if err != nil {
		return err
	}
	if f.out == "" {
		_, err = a.console.Out.Write(content)
		return err
	}
	return atomicfile.Write(f.out, content, 0o600)
}
