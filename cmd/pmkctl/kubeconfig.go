package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/keys"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/sshhost"
)

// kubeconfigFlags are those of kubeconfig alone.
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
		RunE:  func(cmd *cobra.Command, args []string) error { return a.kubeconfig(cmd, args, f) },
	}
	cmd.Flags().StringVar(&f.out, "out", "", "write to `FILE` (mode 0600) instead of standard output")
	cmd.Flags().StringVar(&f.server, "server", "", "the API server's `URL`, if not the spec's endpoint")
	cmd.Flags().StringVar(&f.user, "user", "pmkctl-admin", "the user's `NAME`, as audit logs show it")
	cmd.Flags().DurationVar(&f.lifetime, "lifetime", 365*24*time.Hour, "how long the certificate is valid (`D` such as 8h)")
	cmd.Flags().DurationVar(&f.lockTimeout, "lock-timeout", 30*time.Second, "wait up to `D` while an apply holds the control plane")
	return a.specFlags(cmd)
}

func (a *app) kubeconfig(cmd *cobra.Command, args []string, f kubeconfigFlags) error {
	if f.server != "" {
		if u, err := url.Parse(f.server); err != nil || u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("-server must be a URL such as https://192.0.2.11:6443, not %q", f.server)
		}
	}
	cluster, files, err := a.load(specPath(args))
	if err != nil {
		return err
	}
	w := &work{app: a, cluster: cluster, files: files, progress: a.newProgress()}
	if w.conn, err = a.connect(cmd.Context(), controlPlane(cluster)[:1], sshhost.Options{}, w.progress.Event); err != nil {
		w.progress.Close()
		return err
	}
	defer w.close()
	if err := w.unreachable(); err != nil {
		return err
	}
	content, err := w.issue(cmd.Context(), f)
	if err != nil {
		return err
	}
	w.progress.Hide()
	if f.out == "" {
		_, err = a.out.Write(content)
		return err
	}
	return replaceFile(f.out, content, 0o600)
}

func controlPlane(c *spec.Cluster) []*spec.Host {
	var hosts []*spec.Host
	for _, h := range c.Hosts {
		if h.Has(spec.ControlPlane) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// issue makes a key, has its request signed on the control-plane host, and
// renders the kubeconfig. Only the request travels.
func (w *work) issue(ctx context.Context, f kubeconfigFlags) ([]byte, error) {
	s := w.conn.sessions[controlPlane(w.cluster)[0].Name]
	have, err := s.Files(ctx, []host.FileQuery{{Path: plan.ClusterCA.CertPath, Content: true}})
	if err != nil {
		return nil, err
	}
	if have[0].Type == host.Absent {
		return nil, errors.New("the cluster has no certificate authority yet; run pmkctl apply first")
	}
	key, err := keys.New()
	if err != nil {
		return nil, err
	}
	request, err := keys.Request(key, f.user)
	if err != nil {
		return nil, err
	}
	if err := s.Lock(ctx, host.LockRequest{Run: "kubeconfig", Who: who(), For: "kubeconfig", Wait: f.lockTimeout}); err != nil {
		return nil, &exitError{exitRefused, err}
	}
	if err := s.Arm(ctx, "kubeconfig"); err != nil {
		return nil, err
	}
	cert, err := s.Sign(ctx, host.SignRequest{KeyPath: plan.ClusterCA.KeyPath, CertPath: plan.ClusterCA.CertPath, Request: request,
		Profile: host.CertProfile{CommonName: f.user, Organizations: []string{plan.AdminGroup}, Client: true, Lifetime: f.lifetime}})
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %s: %w", f.user, err)
	}
	return renderKubeconfig(w.cluster, f, have[0].Content, cert, key)
}

// renderKubeconfig embeds everything, so that the file can be copied alone.
func renderKubeconfig(c *spec.Cluster, f kubeconfigFlags, ca, cert, key []byte) ([]byte, error) {
	server := f.server
	if server == "" {
		server = plan.ServerURL(c)
	}
	b64 := base64.StdEncoding.EncodeToString
	type object = map[string]any
	return yaml.Marshal(object{
		"apiVersion":      "v1",
		"kind":            "Config",
		"clusters":        []object{{"name": c.Name, "cluster": object{"server": server, "certificate-authority-data": b64(ca)}}},
		"users":           []object{{"name": f.user, "user": object{"client-certificate-data": b64(cert), "client-key-data": b64(key)}}},
		"contexts":        []object{{"name": c.Name, "context": object{"cluster": c.Name, "user": f.user}}},
		"current-context": c.Name,
	})
}
