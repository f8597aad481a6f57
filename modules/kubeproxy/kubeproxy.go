// Package kubeproxy runs kube-proxy as a systemd service of the host. It
// owns the unit and the configuration. The program, and the rules that kube-proxy
// makes, are not its own.
package kubeproxy

import (
	"cmp"
	"encoding/json"
	"net"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const (
	configPath = "/etc/kubernetes/kube-proxy.yaml"
	kubeconfig = "/etc/kubernetes/kube-proxy.kubeconfig"
)

// Proxy is the kube-proxy of one host.
type Proxy struct {
	Node    string // name of the host's Node
	PodCIDR string
	Mode    string // iptables or nftables; "" is iptables

	modules.Settings
	Binary     string // SHA-256 of the program
	Kubeconfig string // digest of the kubeconfig
}

// New returns the module of the service.
func New(p Proxy) modules.Module { return p.Service() }

// Service returns the unit, its configuration and when it is ready. While it
// is down, the kernel keeps the rules. Only the legacy iptables needs to load
// modules.
func (p Proxy) Service() resource.Service {
	fields := p.fields()
	return resource.Service{
		Name: "kube-proxy.service",
		Unit: resource.Unit{
			Description:   "kube-proxy, the Kubernetes service proxy",
			Documentation: "https://kubernetes.io/docs/",
			Wants:         "network-online.target",
			Type:          "exec",
			Argv:          []string{"/usr/local/bin/kube-proxy", "--config=" + configPath},
			Flags:         p.Flags,
		}.NetworkAdmin("CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_MODULE CAP_SYS_RESOURCE", ""),
		Config: resource.Config{Path: configPath, Fields: fields},
		Inputs: []string{p.Binary, p.Kubeconfig},
		Ready:  resource.Answers("kube-proxy to have its rules in place", time.Minute, host.GetRequest{URL: healthURL(fields)}, hasRules),

		Stops:   modules.ServesPods,
		Sysctls: sysctls,
		Links:   []string{"kube-ipvs0"},
		Filters: filters,
	}
}

// filters are the names that kube-proxy uses with iptables and nftables. The
// kubelet uses some of them too.
var filters = host.FilterQuery{Chains: []string{"KUBE-"}, Tables: []string{"kube-proxy"}}

var sysctls = []modules.Sysctl{
	{Name: "net.ipv4.conf.all.route_localnet", Value: "1"},
	{Name: "net.netfilter.nf_conntrack_max"},
	{Name: "net.netfilter.nf_conntrack_tcp_timeout_close_wait", Value: "3600"},
	{Name: "net.netfilter.nf_conntrack_tcp_timeout_established", Value: "86400"},
}

// hasRules reports whether the rules are in the kernel. kube-proxy answers before
// that, but without the status of an address family.
func hasRules(body []byte) bool {
	var health struct {
		Status map[string]any `json:"status"`
	}
	return json.Unmarshal(body, &health) == nil && len(health.Status) > 0
}

// healthURL returns the URL of kube-proxy's health endpoint. Unlike /healthz, /livez
// does not depend on the state of the Node for load balancers.
func healthURL(fields map[string]any) string {
	bind, _ := fields["healthzBindAddress"].(string)
	addr, port, err := net.SplitHostPort(bind)
	if err != nil {
		addr, port = bind, "10256"
	}
	return "http://" + resource.Local(addr, port) + "/livez"
}

// fields returns the fields of the KubeProxyConfiguration.
func (p Proxy) fields() map[string]any {
	return p.FieldsOver(map[string]any{
		"apiVersion":       "kubeproxy.config.k8s.io/v1alpha1",
		"kind":             "KubeProxyConfiguration",
		"clientConnection": map[string]any{"kubeconfig": kubeconfig},
		"clusterCIDR":      p.PodCIDR,
		"hostnameOverride": p.Node,
		"mode":             cmp.Or(p.Mode, "iptables"),
	})
}
