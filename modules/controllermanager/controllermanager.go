// Package controllermanager runs the kube-controller-manager as a systemd
// service. It owns the unit. Other steps own the program, the certificates, the
// kubeconfig and the user.
package controllermanager

import (
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const (
	pki        = "/etc/kubernetes/pki/"
	kubeconfig = "/etc/kubernetes/kube-controller-manager.kubeconfig"
)

// ControllerManager is the kube-controller-manager of one host.
type ControllerManager struct {
	PodCIDR     string // each node gets a part of it
	ServiceCIDR string

	modules.Settings
	Binary     string // SHA-256 of the program
	Kubeconfig string // digest of the kubeconfig, which it reads only at its start
}

// New returns the module of the service.
func New(c ControllerManager) modules.Module { return c.Service() }

// Service returns the unit and when it is ready.
func (c ControllerManager) Service() resource.Service {
	flags := c.FlagsOver(c.flags())
	return resource.Service{
		Name: "kube-controller-manager.service",
		Unit: resource.Unit{
			Description: "Kubernetes controller manager", Wants: "network-online.target", After: "kube-apiserver.service", Type: "simple", User: "kube",
			Argv: []string{"/usr/local/bin/kube-controller-manager"}, Flags: flags,
		}.Sandboxed(false),
		Inputs: []string{c.Binary, c.Kubeconfig},
		Ready:  resource.Healthy("kube-controller-manager", resource.Secure(flags, "/healthz", pki+"ca.crt")),
		Stops:  modules.BeforeAPIServer,
	}
}

// flags returns pmkctl's own flags. The client certificate for the API server also
// serves the health endpoint.
func (c ControllerManager) flags() map[string]string {
	return map[string]string{
		"allocate-node-cidrs":              "true",
		"authentication-kubeconfig":        kubeconfig,
		"authorization-kubeconfig":         kubeconfig,
		"bind-address":                     "127.0.0.1",
		"client-ca-file":                   pki + "ca.crt",
		"cluster-cidr":                     c.PodCIDR,
		"cluster-signing-cert-file":        pki + "ca.crt",
		"cluster-signing-key-file":         pki + "ca.key",
		"controllers":                      "*",
		"kubeconfig":                       kubeconfig,
		"leader-elect":                     "true",
		"profiling":                        "false",
		"requestheader-client-ca-file":     pki + "front-proxy-ca.crt",
		"root-ca-file":                     pki + "ca.crt",
		"secure-port":                      "10257",
		"service-account-private-key-file": pki + "sa.key",
		"service-cluster-ip-range":         c.ServiceCIDR,
		"tls-cert-file":                    pki + "kube-controller-manager.crt",
		"tls-private-key-file":             pki + "kube-controller-manager.key",
		"use-service-account-credentials":  "true",
	}
}
