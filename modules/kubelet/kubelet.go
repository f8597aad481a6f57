// Package kubelet runs the kubelet as a systemd service of the host. It owns
// the unit file, the configuration and the service; not the binary, not the
// credentials, and nothing that the kubelet itself writes.
package kubelet

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/passthrough"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const (
	service    = "kubelet.service"
	configPath = "/var/lib/kubelet/config.yaml"
	kubeconfig = "/etc/kubernetes/kubelet.kubeconfig"
	pki        = "/etc/kubernetes/pki/"
	// certDir is where the kubelet keeps the client certificates that it
	// rotates; the first one, in the kubeconfig, is pmkctl's.
	certDir = "/var/lib/kubelet/pki"
)

// Taint keeps pods off a node.
type Taint struct{ Key, Value, Effect string }

// Module is the kubelet of one host.
type Module struct {
	Node          string   // name of its Node
	IP            string   // address the Node registers with
	ClusterDNS    []string // addresses of the DNS Service
	ClusterDomain string   // cluster.local
	Taints        []Taint  // the Node has from its first moment on
	// Config, FeatureGates and Flags (without dashes) go over our own.
	Config       map[string]any
	FeatureGates map[string]bool
	Flags        map[string]string
	Needs        []string // digest of the kubelet and what else a restart is due for
}

// Check compares configuration, unit and service.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	s, err := m.service(ctx, h)
	if err != nil {
		return nil, err
	}
	return s.Check(ctx, h)
}

// Apply makes what d says. Running pods are not affected by a restart.
func (m Module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	s, err := m.service(ctx, h)
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
	s, err := m.resolving("")
	if err != nil {
		return nil // Check tells it
	}
	return s.Items()
}

// Footprint is what the service leaves, see modules.Resident.
func (m Module) Footprint() modules.Footprint {
	s, _ := m.resolving("")
	return s.Footprint()
}

func (m Module) service(ctx context.Context, h host.Host) (resource.Service, error) {
	facts, err := h.Facts(ctx)
	if err != nil {
		return resource.Service{}, err
	}
	return m.resolving(facts.ResolvConf)
}

// resolving is the service on a host with this resolv.conf.
func (m Module) resolving(resolvConf string) (resource.Service, error) {
	fields := m.config(resolvConf)
	content, err := passthrough.YAML(fields)
	if err != nil {
		return resource.Service{}, fmt.Errorf("make %s: %w", configPath, err)
	}
	config := host.FileSpec{Path: configPath, Mode: 0o644, Content: content}
	return resource.Service{
		Name:  service,
		Unit:  m.unit(),
		Files: resource.Files{Dirs: dirs(), Files: []host.FileSpec{config}},
		Needs: m.Needs,
		Ready: ready(fields),
		Stops: modules.StartsPods, Places: places, Sysctls: sysctls,
	}, nil
}

var places = []modules.Place{
	{Path: "/usr/libexec/kubernetes", Who: "kubelet", What: "an empty place for volume plugins", Empty: true},
	{Path: "/var/lib/kubelet", Who: "kubelet", What: "pods' volumes, certificates, checkpoints"},
	{Path: "/var/log/containers", Who: "kubelet", What: "links to the logs of containers"},
	{Path: "/var/log/pods", Who: "kubelet", What: "logs of containers"},
}

var sysctls = []modules.Sysctl{
	{Name: "kernel.keys.root_maxbytes", Value: "25000000"},
	{Name: "kernel.keys.root_maxkeys", Value: "1000000"},
	{Name: "kernel.panic", Value: "10"},
	{Name: "kernel.panic_on_oops", Value: "1"},
	{Name: "vm.overcommit_memory", Value: "1"},
	{Name: "vm.panic_on_oom", Value: "0"},
}

// dirs are the kubelet's, with the modes that it gives them itself.
func dirs() []host.DirSpec {
	return []host.DirSpec{{Path: "/var/lib/kubelet", Mode: 0o700}, {Path: certDir, Mode: 0o755}}
}

// ready asks the health endpoint where there is one.
func ready(fields map[string]any) func(context.Context, host.Host) error {
	url := healthURL(fields)
	if url == "" {
		return nil
	}
	return func(ctx context.Context, h host.Host) error {
		return resource.WaitFor(ctx, "the kubelet to be healthy", 60*time.Second, func(ctx context.Context) error {
			answer, err := h.Get(ctx, host.GetRequest{URL: url})
			if err == nil && answer.Status != http.StatusOK {
				err = fmt.Errorf("%s answers %d: %s", url, answer.Status, answer.Body)
			}
			return err
		})
	}
}

// healthURL is where the kubelet answers with these settings; "" if a spec
// turned that off.
func healthURL(fields map[string]any) string {
	addr, port := "127.0.0.1", "10248"
	if a, ok := fields["healthzBindAddress"].(string); ok && a != "0.0.0.0" && a != "::" {
		addr = a
	}
	if p, ok := fields["healthzPort"]; ok {
		plain, _ := passthrough.Plain(p)
		n, _ := plain.(int64)
		if n <= 0 {
			return ""
		}
		port = strconv.FormatInt(n, 10)
	}
	return "http://" + net.JoinHostPort(addr, port) + "/healthz"
}

// config is the KubeletConfiguration, the spec's settings over ours.
func (m Module) config(resolvConf string) map[string]any {
	ours := map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1",
		"kind":       "KubeletConfiguration",
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true},
			"x509":      map[string]any{"clientCAFile": pki + "ca.crt"},
		},
		"authorization":            map[string]any{"mode": "Webhook"},
		"cgroupDriver":             "systemd",
		"clusterDNS":               m.ClusterDNS,
		"clusterDomain":            m.ClusterDomain,
		"containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
		"rotateCertificates":       true,
		"tlsCertFile":              pki + "kubelet-server.crt",
		"tlsPrivateKeyFile":        pki + "kubelet-server.key",
	}
	if resolvConf != "" {
		ours["resolvConf"] = resolvConf
	}
	if taints := m.taints(); len(taints) > 0 {
		ours["registerWithTaints"] = taints
	}
	return passthrough.Merge(passthrough.Merge(ours, passthrough.Gates(m.FeatureGates)), m.Config)
}

func (m Module) taints() []any {
	var list []any
	for _, t := range m.Taints {
		taint := map[string]any{"key": t.Key, "effect": t.Effect}
		if t.Value != "" {
			taint["value"] = t.Value
		}
		list = append(list, taint)
	}
	return list
}

// unit makes no mount namespace, for containerd has to see what the kubelet
// mounts; and it wants containerd without being bound to it, for a restart
// of containerd must not stop the kubelet.
func (m Module) unit() string {
	argv := append([]string{
		"/usr/local/bin/kubelet",
		"--config=" + configPath,
		"--kubeconfig=" + kubeconfig,
		"--hostname-override=" + m.Node,
		"--node-ip=" + m.IP,
		"--cert-dir=" + certDir,
	}, passthrough.Flags(m.Flags)...)
	return `[Unit]
Description=kubelet, the Kubernetes node agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target containerd.service
After=network-online.target containerd.service
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=` + resource.Exec(argv...) + `
Restart=always
RestartSec=5
CPUAccounting=yes
MemoryAccounting=yes

[Install]
WantedBy=multi-user.target
`
}
