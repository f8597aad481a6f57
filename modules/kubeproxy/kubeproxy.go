// Package kubeproxy runs kube-proxy as a systemd service of the host. It
// owns the unit file, the configuration and the service; not the binary and
// not the rules that kube-proxy makes.
package kubeproxy

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/passthrough"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const (
	service    = "kube-proxy.service"
	configPath = "/etc/kubernetes/kube-proxy.yaml"
	kubeconfig = "/etc/kubernetes/kube-proxy.kubeconfig"
)

// Module is the kube-proxy of one host.
type Module struct {
	Node    string // name of the host's Node
	PodCIDR string
	Mode    string // iptables or nftables; "" is iptables
	// Config, FeatureGates and Flags (without dashes) go over our own.
	Config       map[string]any
	FeatureGates map[string]bool
	Flags        map[string]string
	Needs        []string // digests of kube-proxy and its certificate
}

// Check compares configuration, unit and service.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	s, err := m.service()
	if err != nil {
		return nil, err
	}
	return s.Check(ctx, h)
}

// Apply makes what d says. The kernel goes on with the rules that are there
// while kube-proxy is away.
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
	fields := m.config()
	content, err := passthrough.YAML(fields)
	if err != nil {
		return resource.Service{}, fmt.Errorf("make %s: %w", configPath, err)
	}
	config := host.FileSpec{Path: configPath, Mode: 0o644, Content: content}
	return resource.Service{
		Name:  service,
		Unit:  m.unit(),
		Files: resource.Files{Dirs: resource.Parents(config), Files: []host.FileSpec{config}},
		Needs: m.Needs,
		Ready: ready(fields),
		Stops: modules.ServesPods, Sysctls: sysctls,
	}, nil
}

var sysctls = []modules.Sysctl{
	{Name: "net.ipv4.conf.all.route_localnet", Value: "1"},
	{Name: "net.netfilter.nf_conntrack_max"},
	{Name: "net.netfilter.nf_conntrack_tcp_timeout_close_wait", Value: "3600"},
	{Name: "net.netfilter.nf_conntrack_tcp_timeout_established", Value: "86400"},
}

// ready asks the health endpoint. It answers 200 as soon as kube-proxy is
// up; rules are in the kernel once it tells the status of an address family.
func ready(fields map[string]any) func(context.Context, host.Host) error {
	url := healthURL(fields)
	return func(ctx context.Context, h host.Host) error {
		return resource.WaitFor(ctx, "kube-proxy to have its rules in place", 60*time.Second, func(ctx context.Context) error {
			answer, err := h.Get(ctx, host.GetRequest{URL: url})
			if err != nil {
				return err
			}
			var health struct {
				Status map[string]any `json:"status"`
			}
			if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &health) != nil || len(health.Status) == 0 {
				return fmt.Errorf("%s answers %d: %s", url, answer.Status, answer.Body)
			}
			return nil
		})
	}
}

// healthURL is where kube-proxy answers with these settings. /livez leaves
// out what /healthz says about the node for load balancers.
func healthURL(fields map[string]any) string {
	bind, _ := fields["healthzBindAddress"].(string)
	addr, port, err := net.SplitHostPort(bind)
	if err != nil {
		addr, port = bind, "10256"
	}
	if addr == "" || addr == "0.0.0.0" || addr == "::" {
		addr = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(addr, port) + "/livez"
}

// config is the KubeProxyConfiguration, the spec's settings over ours.
func (m Module) config() map[string]any {
	mode := m.Mode
	if mode == "" {
		mode = "iptables"
	}
	ours := map[string]any{
		"apiVersion":       "kubeproxy.config.k8s.io/v1alpha1",
		"kind":             "KubeProxyConfiguration",
		"clientConnection": map[string]any{"kubeconfig": kubeconfig},
		"clusterCIDR":      m.PodCIDR,
		"hostnameOverride": m.Node,
		"mode":             mode,
	}
	return passthrough.Merge(passthrough.Merge(ours, passthrough.Gates(m.FeatureGates)), m.Config)
}

// unit lets kube-proxy change the kernel's network settings and little else.
// Loading modules is for iptables of the old kind.
func (m Module) unit() string {
	argv := append([]string{"/usr/local/bin/kube-proxy", "--config=" + configPath}, passthrough.Flags(m.Flags)...)
	return `[Unit]
Description=kube-proxy, the Kubernetes service proxy
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=` + resource.Exec(argv...) + `
Restart=always
RestartSec=5
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_MODULE CAP_SYS_RESOURCE
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=yes
PrivateTmp=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`
}
