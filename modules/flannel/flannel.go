// Package flannel runs flanneld as a systemd service of the host. It owns
// the unit file, net-conf.json and the script that turns what flanneld found
// out into the CNI configuration; not the binary, not that configuration
// itself or its directory, and not what flanneld keeps under /run/flannel.
//
// The script is run by flanneld's unit after each start, its restarts by
// systemd included, so that a start is complete only with a CNI
// configuration that fits, and there is no second unit to keep in step. It
// is a script because it must work without pmkctl on the host; nothing of
// the spec is written into it.
package flannel

import (
	_ "embed" // the script
	"encoding/json"
	"net/netip"
	"slices"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/passthrough"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const (
	netConfPath = "/etc/kube-flannel/net-conf.json"
	kubeconfig  = "/etc/kubernetes/flannel.kubeconfig"
	cniDir      = "/etc/cni/net.d"
	cniPath     = cniDir + "/10-flannel.conflist"
	scriptPath  = "/usr/local/libexec/pmkctl/write-cni"
)

//go:embed write-cni.sh
var script []byte

// Flannel is the flanneld of one host.
type Flannel struct {
	Node    string // name of the host's Node
	Iface   string // address or interface by which the other hosts are reached
	PodCIDR netip.Prefix
	Backend string // udp, vxlan, host-gw or wireguard
	Port    int    // UDP port of the backend; 0 leaves it out
	// API is a control-plane host: Apply waits there until the Node has its
	// pod CIDR, without which flanneld gives up. nil does not wait.
	API host.Host

	modules.Settings
	Binary     string // SHA-256 of the program
	Kubeconfig string // digest of the kubeconfig
}

// New returns the module that keeps the service as f says.
func New(f Flannel) modules.Module { return module{f.Service(), f} }

// Service returns the unit and its configuration. /run/flannel stays over
// restarts: flanneld reads its former subnet there.
func (f Flannel) Service() resource.Service {
	return resource.Service{
		Name: "flanneld.service",
		Unit: resource.Unit{
			Description:   "flannel, the pod network",
			Documentation: "https://github.com/flannel-io/flannel",
			Wants:         "network-online.target",
			Type:          "notify",
			Environment:   "NODE_NAME=" + f.Node,
			Argv: append([]string{
				"/usr/local/bin/flanneld",
				"--kube-subnet-mgr",
				"--kubeconfig-file=" + kubeconfig,
				"--net-config-path=" + netConfPath,
				"--iface=" + f.Iface,
				"--ip-masq",
				"--subnet-file=/run/flannel/subnet.env",
			}, passthrough.Flags(f.Flags)...),
			Beside:  "ExecStartPost=" + scriptPath + "\n",
			Options: "RuntimeDirectory=flannel\nRuntimeDirectoryPreserve=yes\n",
		}.NetworkAdmin("CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_MODULE", cniDir),
		Config:  resource.Config{Path: netConfPath, Fields: f.fields(), Encode: indented},
		Files:   []host.FileSpec{{Path: scriptPath, Mode: 0o755, Content: script}},
		Inputs:  []string{f.Binary, f.Kubeconfig},
		Makes:   []string{cniPath},
		Stops:   modules.ConnectsPods,
		Places:  places,
		Links:   slices.Concat([]string{"cni0"}, links, []string{"flannel0"}), // the bridge is of the CNI plugins
		Filters: filters,
	}
}

// filters are those of flanneld and of the CNI plugins, by iptables or by
// nftables.
var filters = host.FilterQuery{
	Chains: []string{"FLANNEL-", "CNI-"},
	Tables: []string{"flannel-ipv4", "flannel-ipv6", "cni_hostport", "cni_plugins_masquerade"},
}

var places = []modules.Place{
	{Path: cniPath, Who: "flanneld's unit", What: "CNI configuration"},
	{Path: "/run/flannel", Who: "flanneld", What: "the host's subnet"},
	{Path: "/var/lib/cni", Who: "CNI plugins", What: "addresses of pods"},
}

// fields are those of net-conf.json. It always names a backend: without one
// flanneld takes udp, whatever its documentation says.
func (f Flannel) fields() map[string]any {
	backend := map[string]any{"Type": f.Backend}
	switch {
	case f.Port == 0:
	case f.Backend == "wireguard":
		backend["ListenPort"] = f.Port
	default:
		backend["Port"] = f.Port
	}
	return passthrough.Merge(map[string]any{"Network": f.PodCIDR.String(), "Backend": backend}, f.Config)
}

func indented(fields any) ([]byte, error) {
	content, err := json.MarshalIndent(fields, "", "  ")
	return append(content, '\n'), err
}
