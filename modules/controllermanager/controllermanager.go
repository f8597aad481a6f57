// Package controllermanager runs the kube-controller-manager as a systemd
// service. It owns the unit; the program, the certificates, the kubeconfig
// and the user are other steps'.
package controllermanager

import (
	"context"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/controlplane"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const service = "kube-controller-manager.service"

// Module is the controller-manager of one host.
type Module struct {
	PodCIDR     string // nodes get their parts of it
	ServiceCIDR string

	Flags        map[string]string // over ours
	FeatureGates map[string]bool

	Binary string   // sha256 of the program
	Needs  []string // digest of the kubeconfig, which it reads at its start alone
}

const (
	program    = "/usr/local/bin/kube-controller-manager"
	pki        = "/etc/kubernetes/pki/"
	kubeconfig = "/etc/kubernetes/kube-controller-manager.kubeconfig"
	port       = "10257"
)

// Check compares the unit.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	return m.service().Check(ctx, h)
}

// Apply writes and restarts it, and waits until it is healthy.
func (m Module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	return m.service().Apply(ctx, h, d)
}

// Again restarts the service, see modules.Replacer.
func (m Module) Again(_ context.Context, d change.Diff) (change.Diff, error) {
	return resource.Restarted(service, change.ReplaceAsked, d), nil
}

// Items are all that the module may change, see modules.Owner.
func (m Module) Items() []string { return m.service().Items() }

// Footprint is what the service leaves, see modules.Resident.
func (m Module) Footprint() modules.Footprint {
	return m.service().Footprint()
}

func (m Module) service() resource.Service {
	flags := m.flags()
	args := controlplane.Args(flags, m.Flags, m.FeatureGates)
	return resource.Service{
		Name: service,
		Unit: controlplane.Unit{
			What: "Kubernetes controller manager", After: "kube-apiserver.service", Type: "simple", User: "kube",
			Argv: append([]string{program}, args...),
		}.String(),
		Needs: append([]string{m.Binary}, m.Needs...),
		Ready: controlplane.Ready("kube-controller-manager", controlplane.Health(flags, m.Flags, "/healthz", pki+"ca.crt")),
		Stops: modules.BeforeAPIServer,
	}
}

// flags are our own. Its certificate for the API server serves its health
// endpoint as well.
func (m Module) flags() map[string]string {
	return map[string]string{
		"allocate-node-cidrs":              "true",
		"authentication-kubeconfig":        kubeconfig,
		"authorization-kubeconfig":         kubeconfig,
		"bind-address":                     "127.0.0.1",
		"client-ca-file":                   pki + "ca.crt",
		"cluster-cidr":                     m.PodCIDR,
		"cluster-signing-cert-file":        pki + "ca.crt",
		"cluster-signing-key-file":         pki + "ca.key",
		"controllers":                      "*",
		"kubeconfig":                       kubeconfig,
		"leader-elect":                     "true",
		"profiling":                        "false",
		"requestheader-client-ca-file":     pki + "front-proxy-ca.crt",
		"root-ca-file":                     pki + "ca.crt",
		"secure-port":                      port,
		"service-account-private-key-file": pki + "sa.key",
		"service-cluster-ip-range":         m.ServiceCIDR,
		"tls-cert-file":                    pki + "kube-controller-manager.crt",
		"tls-private-key-file":             pki + "kube-controller-manager.key",
		"use-service-account-credentials":  "true",
	}
}
