// Package scheduler runs the kube-scheduler as a systemd service. It owns the
// unit and /etc/kubernetes/kube-scheduler.yaml. Other steps own the program, the
// certificates, the kubeconfig and the user.
package scheduler

import (
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const (
	pki        = "/etc/kubernetes/pki/"
	configPath = "/etc/kubernetes/kube-scheduler.yaml"
	kubeconfig = "/etc/kubernetes/kube-scheduler.kubeconfig"
)

// Scheduler is the kube-scheduler of one host.
type Scheduler struct {
	modules.Settings
	Binary     string // SHA-256 of the program
	Kubeconfig string // digest of the kubeconfig, which it reads only at its start
}

// New returns the module of the service.
func New(s Scheduler) modules.Module { return s.Service() }

// Service returns the unit, its configuration and when it is ready.
func (s Scheduler) Service() resource.Service {
	flags := s.FlagsOver(flags)
	return resource.Service{
		Name: "kube-scheduler.service",
		Unit: resource.Unit{
			Description: "Kubernetes scheduler", Wants: "network-online.target", After: "kube-apiserver.service", Type: "simple", User: "kube",
			Argv: []string{"/usr/local/bin/kube-scheduler"}, Flags: flags,
		}.Sandboxed(false),
		Config: resource.Config{Path: configPath, Fields: s.Config.Over(config)},
		Inputs: []string{s.Binary, s.Kubeconfig},
		Ready:  resource.Healthy("kube-scheduler", resource.Secure(flags, "/healthz", pki+"ca.crt")),
		Stops:  modules.BeforeAPIServer,
	}
}

var config = map[string]any{
	"apiVersion":       "kubescheduler.config.k8s.io/v1",
	"kind":             "KubeSchedulerConfiguration",
	"clientConnection": map[string]any{"kubeconfig": kubeconfig},
	"enableProfiling":  false,
	"leaderElection":   map[string]any{"leaderElect": true},
}

// flags are settings that the configuration has no fields for. The client
// certificate for the API server also serves the health endpoint.
var flags = map[string]string{
	"authentication-kubeconfig":    kubeconfig,
	"authorization-kubeconfig":     kubeconfig,
	"bind-address":                 "127.0.0.1",
	"client-ca-file":               pki + "ca.crt",
	"config":                       configPath,
	"requestheader-client-ca-file": pki + "front-proxy-ca.crt",
	"secure-port":                  "10259",
	"tls-cert-file":                pki + "kube-scheduler.crt",
	"tls-private-key-file":         pki + "kube-scheduler.key",
}
