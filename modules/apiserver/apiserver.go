// Package apiserver runs the kube-apiserver as a systemd service. It owns the
// unit; the program, the certificates and the user are other steps'.
package apiserver

import (
	"context"
	"strconv"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/controlplane"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const service = "kube-apiserver.service"

// Module is the API server of one host.
type Module struct {
	Address     string   // what other hosts reach this one at
	Port        int      // 6443
	Etcd        []string // client URLs of all members, this host's own first
	ServiceCIDR string
	Domain      string // cluster.local

	Flags        map[string]string // over ours
	FeatureGates map[string]bool

	Binary string   // sha256 of the program
	Needs  []string // whatever else it must be restarted for
}

const (
	program = "/usr/local/bin/kube-apiserver"
	pki     = "/etc/kubernetes/pki/"
)

// Check compares the unit.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	return m.service().Check(ctx, h)
}

// Apply writes and restarts it, and waits until it is ready to serve.
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
	args := controlplane.Args(m.flags(), m.Flags, m.FeatureGates)
	return resource.Service{
		Name: service,
		Unit: controlplane.Unit{
			What: "Kubernetes API server", After: "etcd.service", Type: "notify", User: "kube",
			Binds: m.Port < 1024, Argv: append([]string{program}, args...),
		}.String(),
		Needs: append([]string{m.Binary}, m.Needs...),
		Ready: controlplane.Ready("kube-apiserver", m.readyz()),
		Stops: modules.ServesAPI,
	}
}

// readyz asks with a certificate, so that it works without anonymous access
// too; the name is one that has no rights by itself.
func (m Module) readyz() host.GetRequest {
	r := controlplane.Health(m.flags(), m.Flags, "/readyz?verbose", pki+"ca.crt")
	r.CertPath, r.KeyPath = pki+"apiserver-kubelet-client.crt", pki+"apiserver-kubelet-client.key"
	return r
}

// flags are our own. Anonymous requests stay on: RBAC leaves them health and
// version alone, and a configuration file that says so by path would exclude
// the --oidc flags that a spec may pass through.
func (m Module) flags() map[string]string {
	everywhere := "0.0.0.0"
	if strings.Contains(m.Address, ":") {
		everywhere = "::" // IPv4 as well
	}
	return map[string]string{
		"advertise-address":                  m.Address,
		"allow-privileged":                   "true",
		"authorization-mode":                 "Node,RBAC",
		"bind-address":                       everywhere,
		"client-ca-file":                     pki + "ca.crt",
		"enable-admission-plugins":           "NodeRestriction",
		"etcd-cafile":                        pki + "etcd/ca.crt",
		"etcd-certfile":                      pki + "apiserver-etcd-client.crt",
		"etcd-keyfile":                       pki + "apiserver-etcd-client.key",
		"etcd-servers":                       strings.Join(m.Etcd, ","),
		"kubelet-certificate-authority":      pki + "ca.crt",
		"kubelet-client-certificate":         pki + "apiserver-kubelet-client.crt",
		"kubelet-client-key":                 pki + "apiserver-kubelet-client.key",
		"kubelet-preferred-address-types":    "InternalIP,Hostname,ExternalIP",
		"profiling":                          "false",
		"proxy-client-cert-file":             pki + "front-proxy-client.crt",
		"proxy-client-key-file":              pki + "front-proxy-client.key",
		"requestheader-allowed-names":        "front-proxy-client",
		"requestheader-client-ca-file":       pki + "front-proxy-ca.crt",
		"requestheader-extra-headers-prefix": "X-Remote-Extra-",
		"requestheader-group-headers":        "X-Remote-Group",
		"requestheader-username-headers":     "X-Remote-User",
		"secure-port":                        strconv.Itoa(m.Port),
		"service-account-issuer":             "https://kubernetes.default.svc." + m.Domain,
		"service-account-key-file":           pki + "sa.pub",
		"service-account-signing-key-file":   pki + "sa.key",
		"service-cluster-ip-range":           m.ServiceCIDR,
		"tls-cert-file":                      pki + "apiserver.crt",
		"tls-private-key-file":               pki + "apiserver.key",
	}
}
