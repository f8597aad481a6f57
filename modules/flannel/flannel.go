// Package flannel runs flanneld as a systemd service of the host. It owns
// the unit, net-conf.json and the script that makes the CNI configuration from
// flanneld's subnet.env. The program, the CNI configuration with its directory,
// and what flanneld keeps in /run/flannel are not its own.
//
// The unit of flanneld runs the script after each start, also after restarts by
// systemd. So a start is complete only when the CNI configuration is right, and
// no second unit is needed. It is a script because it must work without pmkctl on
// the host. It has no values from the spec.
package flannel

import (
	_ "embed" // the script
	"encoding/json"
	"net/netip"
	"slices"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
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
	Port    int    // UDP port of the backend; 0 is flanneld's default
	// API is a control-plane host. Apply asks it until the Node has its pod CIDR,
	// because flanneld stops without one. nil does not wait.
	API host.Host

	modules.Settings
	Binary     string // SHA-256 of the program
	Kubeconfig string // digest of the kubeconfig
}

// New returns the module of the service.
func New(f Flannel) modules.Module { return module{f.Service(), f} }

// Service returns the unit and its configuration. /run/flannel survives restarts,
// because flanneld reads its former subnet there.
func (f Flannel) Service() resource.Service {
	return resource.Service{
		Name: "flanneld.service",
		Unit: resource.Unit{
			Description:   "flannel, the pod network",
			Documentation: "https://github.com/flannel-io/flannel",
			Wants:         "network-online.target",
			Type:          "notify",
			Environment:   "NODE_NAME=" + f.Node,
			Argv: []string{
				"/usr/local/bin/flanneld",
				"--kube-subnet-mgr",
				"--kubeconfig-file=" + kubeconfig,
				"--net-config-path=" + netConfPath,
				"--iface=" + f.Iface,
				"--ip-masq",
				"--subnet-file=/run/flannel/subnet.env",
			},
			Flags:   f.Flags,
			Beside:  "ExecStartPost=" + scriptPath + "\n",
			Options: "RuntimeDirectory=flannel\nRuntimeDirectoryPreserve=yes\n",
		}.NetworkAdmin("CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_MODULE", cniDir),
		Config:  resource.Config{Path: netConfPath, Fields: f.fields(), Encode: indented},
		Files:   []host.FileSpec{{Path: scriptPath, Mode: 0o755, Content: script}},
		Inputs:  []string{f.Binary, f.Kubeconfig},
		Makes:   []string{cniPath},
		Stops:   modules.ConnectsPods,
		Places:  places,
		Links:   slices.Concat([]string{"cni0"}, links, []string{"flannel0"}), // the CNI plugins make the bridge
		Filters: filters,
	}
}

// filters are the names that flanneld and the CNI plugins use with iptables and
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

// fields returns the fields of net-conf.json. It always names a backend: without
// one flanneld uses udp, although its documentation says something else.
func (f Flannel) fields() map[string]any {
	backend := map[string]any{"Type": f.Backend}
	switch {
	case f.Port == 0:
	case f.Backend == "wireguard":
		backend["ListenPort"] = f.Port
	default:
		backend["Port"] = f.Port
	}
	return f.Config.Over(map[string]any{"Network": f.PodCIDR.String(), "Backend": backend})
}

func indented(fields any) ([]byte, error) {
	content, err := json.MarshalIndent(fields, "", "  ")
	return append(content, '\n'), err
}
