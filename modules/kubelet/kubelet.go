// Package kubelet runs the kubelet as a systemd service of the host. It owns
// the unit and the configuration. The program, the credentials, and what the
// kubelet itself writes are not its own.
package kubelet

import (
	"context"
	"maps"
	"strconv"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const (
	configPath = "/var/lib/kubelet/config.yaml"
	kubeconfig = "/etc/kubernetes/kubelet.kubeconfig"
	pki        = "/etc/kubernetes/pki/"
	// certDir has the client certificates that the kubelet makes by rotation.
	// pmkctl makes the first one, which the kubeconfig names.
	certDir = "/var/lib/kubelet/pki"
)

// Taint keeps pods off a node.
type Taint struct{ Key, Value, Effect string }

// Kubelet is the kubelet of one host.
type Kubelet struct {
	Node          string   // name of its Node
	IP            string   // address the Node registers with
	ClusterDNS    []string // addresses of the DNS Service
	ClusterDomain string   // cluster.local
	Taints        []Taint  // that the Node has from its registration on

	modules.Settings
	Binary     string // SHA-256 of the program
	Kubeconfig string // digest of the kubeconfig
}

// New returns the module of the service.
func New(k Kubelet) modules.Module { return k.Service() }

// Service returns the unit, its configuration and when it is ready. The unit has
// no mount namespace of its own, because containerd must see what the kubelet
// mounts. It wants containerd and does not require it, because a restart of
// containerd must not stop the kubelet. Running pods survive a restart.
func (k Kubelet) Service() resource.Service {
	fields := k.fields()
	return resource.Service{
		Name: "kubelet.service",
		Unit: resource.Unit{
			Description:   "kubelet, the Kubernetes node agent",
			Documentation: "https://kubernetes.io/docs/",
			Wants:         "network-online.target containerd.service",
			Type:          "exec",
			Argv: []string{
				"/usr/local/bin/kubelet",
				"--config=" + configPath,
				"--kubeconfig=" + kubeconfig,
				"--hostname-override=" + k.Node,
				"--node-ip=" + k.IP,
				"--cert-dir=" + certDir,
			},
			Flags:   k.Flags,
			Options: "CPUAccounting=yes\nMemoryAccounting=yes\n",
		},
		Config: resource.Config{Path: configPath, Fields: fields},
		// The kubelet uses the same modes.
		Dirs:   []host.DirSpec{{Path: "/var/lib/kubelet", Mode: 0o700}, {Path: certDir, Mode: 0o755}},
		Inputs: []string{k.Binary, k.Kubeconfig},
		OnHost: k.resolvConf,
		Ready:  resource.Answers("the kubelet to be healthy", time.Minute, host.GetRequest{URL: healthURL(fields)}, nil),

		Stops:   modules.StartsPods,
		Places:  places,
		Sysctls: sysctls,
		Mounts:  []string{"/var/lib/kubelet/pods/*/", "/var/lib/kubelet/plugins/*/"},
	}
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

// resolvConf adds the host's resolv.conf, unless the spec has one.
func (k Kubelet) resolvConf(ctx context.Context, h host.Host, fields map[string]any) (map[string]any, error) {
	facts, err := h.Facts(ctx)
	if _, given := k.Config["resolvConf"]; err != nil || given || facts.ResolvConf == "" {
		return fields, err
	}
	fields = maps.Clone(fields)
	fields["resolvConf"] = facts.ResolvConf
	return fields, nil
}

// healthURL returns the URL of the kubelet's health endpoint; "" if the spec turns it
// off.
func healthURL(fields map[string]any) string {
	addr, _ := fields["healthzBindAddress"].(string)
	port := int64(10248)
	if p, ok := fields["healthzPort"]; ok {
		plain, _ := resource.Plain(p)
		port, _ = plain.(int64)
	}
	if port <= 0 {
		return ""
	}
	return "http://" + resource.Local(addr, strconv.FormatInt(port, 10)) + "/healthz"
}

// fields returns the fields of the KubeletConfiguration.
func (k Kubelet) fields() map[string]any {
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
		"clusterDNS":               k.ClusterDNS,
		"clusterDomain":            k.ClusterDomain,
		"containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
		"rotateCertificates":       true,
		"tlsCertFile":              pki + "kubelet-server.crt",
		"tlsPrivateKeyFile":        pki + "kubelet-server.key",
	}
	if taints := k.taints(); len(taints) > 0 {
		ours["registerWithTaints"] = taints
	}
	return k.FieldsOver(ours)
}

func (k Kubelet) taints() []any {
	var list []any
	for _, t := range k.Taints {
		taint := map[string]any{"key": t.Key, "effect": t.Effect}
		if t.Value != "" {
			taint["value"] = t.Value
		}
		list = append(list, taint)
	}
	return list
}
