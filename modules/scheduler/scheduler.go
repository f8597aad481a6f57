// Package scheduler runs the kube-scheduler as a systemd service. It owns the
// unit and /etc/kubernetes/kube-scheduler.yaml; the program, the
// certificates, the kubeconfig and the user are other steps'.
package scheduler

import (
	"context"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/controlplane"
	"github.com/pmkctl/pmkctl/modules/internal/passthrough"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const service = "kube-scheduler.service"

// Module is the scheduler of one host.
type Module struct {
	Config       map[string]any    // of a KubeSchedulerConfiguration, over ours
	Flags        map[string]string // over ours
	FeatureGates map[string]bool

	Binary string   // sha256 of the program
	Needs  []string // digest of the kubeconfig, which it reads at its start alone
}

const (
	program    = "/usr/local/bin/kube-scheduler"
	pki        = "/etc/kubernetes/pki/"
	config     = "/etc/kubernetes/kube-scheduler.yaml"
	kubeconfig = "/etc/kubernetes/kube-scheduler.kubeconfig"
	port       = "10259"
)

// Check compares configuration and unit.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	s, err := m.service()
	if err != nil {
		return nil, err
	}
	return s.Check(ctx, h)
}

// Apply writes them and restarts it, and waits until it is healthy.
func (m Module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	s, err := m.service()
	if err != nil {
		return err
	}
	return s.Apply(ctx, h, d)
}

// Again restarts the service, see modules.Replacer.
func (m Module) Again(_ context.Context, d change.Diff) (change.Diff, error) {
	return resource.Restarted(service, change.ReplaceAsked, d), nil
}

// Items are all that the module may change, see modules.Owner.
func (m Module) Items() []string {
	s, err := m.service()
	if err != nil {
		return nil // Check tells it
	}
	return s.Items()
}

// Footprint is what the service leaves, see modules.Resident.
func (m Module) Footprint() modules.Footprint {
	s, _ := m.service()
	return s.Footprint()
}

func (m Module) service() (resource.Service, error) {
	content, err := m.config()
	if err != nil {
		return resource.Service{}, err
	}
	args := controlplane.Args(flags, m.Flags, m.FeatureGates)
	return resource.Service{
		Name: service,
		Unit: controlplane.Unit{
			What: "Kubernetes scheduler", After: "kube-apiserver.service", Type: "simple", User: "kube",
			Argv: append([]string{program}, args...),
		}.String(),
		Files: resource.Files{Files: []host.FileSpec{{Path: config, Mode: 0o644, Content: content}}},
		Needs: append([]string{m.Binary}, m.Needs...),
		Ready: controlplane.Ready("kube-scheduler", controlplane.Health(flags, m.Flags, "/healthz", pki+"ca.crt")),
		Stops: modules.BeforeAPIServer,
	}, nil
}

func (m Module) config() ([]byte, error) {
	return passthrough.YAML(passthrough.Merge(map[string]any{
		"apiVersion":       "kubescheduler.config.k8s.io/v1",
		"kind":             "KubeSchedulerConfiguration",
		"clientConnection": map[string]any{"kubeconfig": kubeconfig},
		"enableProfiling":  false,
		"leaderElection":   map[string]any{"leaderElect": true},
	}, m.Config))
}

// flags are what the configuration has no fields for. Its certificate for
// the API server serves its health endpoint as well.
var flags = map[string]string{
	"authentication-kubeconfig":    kubeconfig,
	"authorization-kubeconfig":     kubeconfig,
	"bind-address":                 "127.0.0.1",
	"client-ca-file":               pki + "ca.crt",
	"config":                       config,
	"requestheader-client-ca-file": pki + "front-proxy-ca.crt",
	"secure-port":                  port,
	"tls-cert-file":                pki + "kube-scheduler.crt",
	"tls-private-key-file":         pki + "kube-scheduler.key",
}
