package spec

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

// Cluster is a checked spec. Every default is filled in, and every reference is
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
	DrainTimeout   time.Duration // for the pods of a departing host; default 5 min
	Hosts          []*Host       // in the order of the file; for_each in the order of the keys
	Removed        []Removed
	Departing      []Departing `json:"Leaving"` // not from the spec: filled from the inventory
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

// API is the address of the API server.
type API struct {
	Endpoint  string   // name or address, without port; default: internal address of the first control-plane host
	Port      int      // default 6443
	ExtraSANs []string // names and addresses that are added to its certificate
	Range     hcl.Range
}

// Network is the pod network.
type Network struct {
	Backend string // udp, vxlan, host-gw or wireguard
	Port    int    // UDP; 8285, 8472 or 51820 by default; 0 for host-gw
	Range   hcl.Range
}

// Role is the work of a host in the cluster.
type Role string

// The roles. A worker runs pods. A control-plane host does so too, but it gets
// a taint unless it is also a worker.
const (
	ControlPlane Role = "control-plane"
	Etcd         Role = "etcd"
	Worker       Role = "worker"
)

// Host is a machine, and the Kubernetes Node of the same name.
type Host struct {
	Name    string
	Address netip.Addr // internal, used by the other hosts
	Roles   []Role
	Labels  map[string]string
	Taints  []Taint
	SSH     SSH
	Kubelet Passthrough // settings for this host alone, over Settings.Kubelet
	Range   hcl.Range   // of the block
}

// Has reports whether the host has a role.
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

// SSH has the settings to reach a host from the controller.
type SSH struct {
	Address        string // name or address; default the internal address
	Port           int    // default 22
	User           string // default root
	IdentityFile   string // absolute after loading; "" for ssh-agent and the files in ~/.ssh
	Agent          bool   // ask ssh-agent; default true
	KnownHosts     string // file; default ~/.ssh/known_hosts
	HostKey        string // an authorized_keys line or a SHA256: fingerprint; if set, KnownHosts is not read
	Become         bool   // use sudo; default: true unless User is root
	BecomePassword Secret // "" if sudo asks for none
	Bastion        *SSH   // dialled first; nil for a direct connection
}

// String returns the usual notation: "ops@192.0.2.11:22".
func (s SSH) String() string { return fmt.Sprintf("%s@%s:%d", s.User, s.Address, s.Port) }

// Secret is a string that is never shown: it is printed, logged and encoded as
// "(sensitive)". Only Reveal returns its value.
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

// Components are the programs, by name.
type Components map[string]Component

// Component is a program that is verified by its digest.
type Component struct {
	Name    string // kubelet, kube-apiserver, ..., bridge, host-local, loopback, portmap
	Version string
	Source  string // file path or URL of the file itself
	SHA256  string // lower-case hex
	Range   hcl.Range
}

// Image is a container image, in an OCI or Docker archive that is verified by
// its digest.
type Image struct {
	Key    string // "pause", "coredns", or the user's own
	Name   string // registry.k8s.io/pause:3.10.2
	Source string
	SHA256 string
	Range  hcl.Range
}

// Preflight has the spec's settings of checks.
type Preflight struct {
	Levels      preflight.Levels // of checks, if they differ from the catalogue
	ClockSkew   time.Duration    // largest difference between the clocks of two hosts; default 2 s
	DialTimeout time.Duration    // for each edge; default 700 ms
	MinFreeDisk int64            // bytes on /var; default 2 GiB
	MinMemory   int64            // bytes; default 1 GiB, control plane 1.7 GB as in kubeadm
}
