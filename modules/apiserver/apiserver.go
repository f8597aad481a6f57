// Package apiserver runs the kube-apiserver as a systemd service. It owns the
// unit. Other steps own the program, the certificates and the user.
package apiserver

import (
	"strconv"
	"strings"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const pki = "/etc/kubernetes/pki/"

// APIServer is the kube-apiserver of one host.
type APIServer struct {
	Address     string   // of this host, as other hosts reach it
	Port        int      // 6443
	Etcd        []string // client URLs of all members, this host's own first
	ServiceCIDR string
	Domain      string // cluster.local

	modules.Settings
	Binary string // SHA-256 of the program
}

// New returns the module of the service.
func New(a APIServer) modules.Module { return a.Service() }

// Service returns the unit and when it is ready.
func (a APIServer) Service() resource.Service {
	flags := a.FlagsOver(a.flags())
	return resource.Service{
		Name: unit,
		Unit: resource.Unit{
			Description: "Kubernetes API server", Wants: "network-online.target", After: "etcd.service", Type: "notify", User: "kube",
			Argv: []string{"/usr/local/bin/kube-apiserver"}, Flags: flags,
		}.Sandboxed(a.Port < 1024),
		Inputs: []string{a.Binary},
		Ready:  resource.Healthy("kube-apiserver", readyz(flags)),
		Stops:  modules.ServesAPI,
	}
}

// readyz returns a request with a client certificate, so that it works without
// anonymous access too. The name in the certificate has no rights of its own.
func readyz(flags map[string]string) host.GetRequest {
	r := resource.Secure(flags, "/readyz?verbose", pki+"ca.crt")
	r.CertPath, r.KeyPath = pki+"apiserver-kubelet-client.crt", pki+"apiserver-kubelet-client.key"
	return r
}

// flags returns pmkctl's own flags. Anonymous requests stay on: RBAC allows them
// only health and version. A configuration file could limit them to these paths,
// but with one the --oidc flags, which a spec may pass through, are refused.
func (a APIServer) flags() map[string]string {
	everywhere := "0.0.0.0"
	if strings.Contains(a.Address, ":") {
		everywhere = "::" // IPv4 as well
	}
	return map[string]string{
		"advertise-address":                  a.Address,
		"allow-privileged":                   "true",
		"authorization-mode":                 "Node,RBAC",
		"bind-address":                       everywhere,
		"client-ca-file":                     pki + "ca.crt",
		"enable-admission-plugins":           "NodeRestriction",
		"etcd-cafile":                        pki + "etcd/ca.crt",
		"etcd-certfile":                      pki + "apiserver-etcd-client.crt",
		"etcd-keyfile":                       pki + "apiserver-etcd-client.key",
		"etcd-servers":                       strings.Join(a.Etcd, ","),
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
		"secure-port":                        strconv.Itoa(a.Port),
		issuerFlag:                           issuerOf + a.Domain,
		"service-account-key-file":           pki + "sa.pub",
		"service-account-signing-key-file":   pki + "sa.key",
		"service-cluster-ip-range":           a.ServiceCIDR,
		"tls-cert-file":                      pki + "apiserver.crt",
		"tls-private-key-file":               pki + "apiserver.key",
	}
}
