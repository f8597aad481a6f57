package spec

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// Cluster is a checked spec: every default is filled in, every reference
// resolved.
type Cluster struct {
	Name           string
	Version        string // of Kubernetes: "1.36.3"
	PodCIDR        netip.Prefix
	ServiceCIDR    netip.Prefix
	Domain         string // "cluster.local"
	MaxUnavailable int    // kubelets and containerds restarted at a time on a live cluster; default 1
	API            API
	Network        Network
	DrainTimeout   time.Duration // for the pods of a host that leaves; default 5 min
	Hosts          []*Host       // in the order of the file; for_each in the order of the keys
	Removed        []Removed
	Departing      []Departing `json:"Leaving"` // filled by the reader of the inventory; the name in saved plans is older
	Components     Components
	Images         []Image
	Settings       Settings
	Preflight      Preflight
	Policies       []Policy  // in the order of the files
	Inputs         []Input   // the declared variables, in the order of their names
	Range          hcl.Range // of the cluster block

	ranges map[string]hcl.Range // of the fields of Identity
	logins *logins
}

// API is how the API server is reached.
type API struct {
	Endpoint  string   // host or address, without port; default the first control-plane host's internal address
	Port      int      // default 6443
	ExtraSANs []string // names and addresses its certificate holds beside those it needs
	Range     hcl.Range
}

// Network is the pod network.
type Network struct {
	Backend string // udp, vxlan, host-gw or wireguard
	Port    int    // UDP; 8285, 8472 or 51820 by default; 0 for host-gw
	Range   hcl.Range
}

// Role is what a host does.
type Role string

// The roles. A worker runs pods; so does a control-plane host, which gets
// a taint unless it is a worker too.
const (
	ControlPlane Role = "control-plane"
	Etcd         Role = "etcd"
	Worker       Role = "worker"
)

// Host is a machine and, by the same name, a Kubernetes node.
type Host struct {
	Name    string
	Address netip.Addr // internal: what the other hosts use
	Roles   []Role
	Labels  map[string]string
	Taints  []Taint
	SSH     SSH
	Kubelet Passthrough // settings for this host alone, over Settings.Kubelet
	Range   hcl.Range   // of the block
}

// Has tells if the host has a role.
func (h *Host) Has(r Role) bool {
	for _, have := range h.Roles {
		if have == r {
			return true
		}
	}
	return false
}

// Taint keeps pods off a node.
type Taint struct {
	Key, Value, Effect string // NoSchedule, PreferNoSchedule or NoExecute
}

// SSH is how a host is reached by the controller.
type SSH struct {
	Address        string // name or address; default the internal address
	Port           int    // default 22
	User           string // default root
	IdentityFile   string // absolute after loading; "" leaves it to the agent and ~/.ssh
	Agent          bool   // ask ssh-agent; default true
	KnownHosts     string // file; default ~/.ssh/known_hosts
	HostKey        string // pinned: an authorized_keys line or SHA256: fingerprint; then KnownHosts is not read
	Become         bool   // use sudo; default: if User is not root
	BecomePassword Secret // "" where sudo asks for none
	Bastion        *SSH   // dialled first; nil for a direct connection
}

// Secret is a string that is never shown: it prints, logs and encodes as
// "(sensitive)". Reveal is the one way to its value.
type Secret struct{ value string }

// NewSecret hides a value.
func NewSecret(v string) Secret { return Secret{v} }

// Reveal returns the hidden value.
func (s Secret) Reveal() string { return s.value }

// String hides the value; an empty secret is "".
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return "(sensitive)"
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// Format hides the value from every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText hides the value from JSON and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Settings are what is passed through to the components, untouched.
type Settings struct {
	Kubelet, APIServer, ControllerManager, Scheduler, Etcd, Flannel, Containerd Passthrough

	KubeProxy KubeProxy
	CoreDNS   CoreDNS
}

// Passthrough is what a block such as `kubelet { ... }` passes through.
type Passthrough struct {
	modules.Settings
	Range hcl.Range
}

// KubeProxy is the block kube_proxy.
type KubeProxy struct {
	Passthrough
	Mode string // iptables or nftables; "" is the default of the module
}

// CoreDNS is the block coredns. Its JSON is that of a Passthrough, as plans
// were always saved.
type CoreDNS struct {
	Config DNS
	Range  hcl.Range
}

// DNS is what a spec says of the cluster's DNS.
type DNS struct {
	Replicas int    `json:"replicas,omitempty"` // 0 is the default of the module
	Corefile string `json:"corefile,omitempty"` // a whole one; "" is the module's own
}

// Components are the programs, by name.
type Components map[string]Component

// Component is a program that comes by digest.
type Component struct {
	Name    string // kubelet, kube-apiserver, ..., bridge, host-local, loopback, portmap
	Version string
	Source  string // file path or URL of the file itself
	SHA256  string // lower-case hex
	Range   hcl.Range
}

// Image is a container image that comes by digest, as an OCI or Docker
// archive.
type Image struct {
	Key    string // "pause", "coredns", or the user's own
	Name   string // registry.k8s.io/pause:3.10.2
	Source string
	SHA256 string
	Range  hcl.Range
}

// Preflight is what the author of the spec decided about checks.
type Preflight struct {
	Levels      preflight.Levels // of checks, where they are not the catalogue's
	ClockSkew   time.Duration    // the most that two hosts' clocks may differ; default 2 s
	DialTimeout time.Duration    // for each edge; default 700 ms
	MinFreeDisk int64            // bytes on /var; default 2 GiB
	MinMemory   int64            // bytes; default 1 GiB, control plane 1.7 GB as kubeadm asks
}
