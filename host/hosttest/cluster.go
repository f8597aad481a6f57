package hosttest

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// A Cluster is hosts that reach each other and share one Kubernetes. A single
// host is a cluster too.
type Cluster struct {
	Net Net // the network between the hosts

	mu       sync.Mutex
	members  map[string]*Host
	states   map[string]state
	store    store
	etcd     ensemble
	kubelets Kubelets
	reports  map[string]*report
	mostDown int // highest number of Nodes down at once; see WatchNodes
}

// A state is what a cluster knows of a host. The host pushes it, so the
// cluster never locks a host while it is locked itself.
type state struct {
	Node      string // name of its Node
	NodeIP    string
	Arch      string
	Labels    map[string]string
	Taints    []any
	API       bool // runs kube-apiserver
	Kubelet   bool
	PID       int  // pid of the kubelet
	Hasty     bool // the kubelet gives the container runtime no time to answer
	Etcd      bool
	EtcdPeers string // initial-cluster in the configuration of etcd
	Network   bool   // a CNI configuration is there, or flanneld runs
	Addresses []string
	Sockets   []host.Socket
}

// NewCluster makes a cluster of hosts that were single so far.
func NewCluster(hosts ...*Host) *Cluster {
	c := &Cluster{members: map[string]*Host{}, states: map[string]state{}, store: newStore(), etcd: newEnsemble(),
		kubelets: Kubelets{Renew: 10 * time.Millisecond}, reports: map[string]*report{}}
	for _, h := range hosts {
		c.members[h.name] = h
		h.mu.Lock()
		h.cluster, h.pushed, h.moved = c, "", true
		h.push()
		h.mu.Unlock()
	}
	return c
}

// Host returns a host by name; nil if there is none.
func (c *Cluster) Host(name string) *Host { return c.members[name] }

// Hosts returns all hosts, in the order of their names.
func (c *Cluster) Hosts() []*Host {
	var hosts []*Host
	for _, name := range sortedKeys(c.members) {
		hosts = append(hosts, c.members[name])
	}
	return hosts
}

// Cluster returns the cluster of the host.
func (h *Host) Cluster() *Cluster { return h.cluster }

// push reports the state of the machine to the cluster.
func (m *machine) push() {
	if !m.moved {
		return
	}
	m.moved = false
	s := state{Node: m.nodeName(), Arch: m.facts.Arch, Addresses: m.addresses(), Sockets: m.sockets()}
	s.API, s.Kubelet, s.Etcd = m.runs("kube-apiserver"), m.runs("kubelet"), m.runs("etcd")
	s.Network = m.runs("flanneld")
	for _, name := range m.tree.children("/etc/cni/net.d") {
		s.Network = s.Network || strings.HasSuffix(name, ".conflist")
	}
	if s.Etcd {
		argv := splitWords(m.unitOf("etcd").file.last("Service.ExecStart"))
		s.EtcdPeers = etcdField(m.configText(argv), "initial-cluster")
	}
	if s.Kubelet {
		m.describeNode(&s)
	}
	text, err := json.Marshal(s)
	must(err)
	if string(text) == m.pushed {
		return
	}
	m.pushed = string(text)
	m.cluster.update(m.name, s)
}

// describeNode reads the properties with which the kubelet registers its
// Node.
func (m *machine) describeNode(s *state) {
	u := m.unitOf("kubelet")
	argv := splitWords(u.file.last("Service.ExecStart"))
	s.PID, s.Hasty = u.pid, hastyConfig.MatchString(m.configText(argv))
	if s.NodeIP = flagValue(argv, "--node-ip"); s.NodeIP == "" {
		for _, a := range s.Addresses {
			if !strings.HasPrefix(a, "127.") && a != "::1" {
				s.NodeIP = a
				break
			}
		}
	}
	s.Labels = map[string]string{"kubernetes.io/hostname": s.Node, "kubernetes.io/arch": s.Arch, "kubernetes.io/os": "linux"}
	for _, l := range strings.Split(flagValue(argv, "--node-labels"), ",") {
		if k, v, ok := strings.Cut(l, "="); ok {
			s.Labels[k] = v
		}
	}
	taints := strings.Split(flagValue(argv, "--register-with-taints"), ",")
	for _, match := range taintInConfig.FindAllStringSubmatch(m.configText(argv), -1) {
		taints = append(taints, match[2]+"="+":"+match[1])
	}
	for _, t := range taints {
		if kv, effect, ok := strings.Cut(t, ":"); ok {
			k, v, _ := strings.Cut(kv, "=")
			taint := map[string]any{"key": k, "effect": effect}
			if v != "" {
				taint["value"] = v
			}
			s.Taints = append(s.Taints, taint)
		}
	}
}

// taintInConfig matches an entry of registerWithTaints, with its fields in
// order.
var taintInConfig = regexp.MustCompile(`- effect: (\w+)\n\s+key: (\S+)`)

// hastyConfig matches a timeout in which no container runtime answers. A
// kubelet with it runs and is healthy, but its Node is not Ready.
var hastyConfig = regexp.MustCompile(`(?m)^runtimeRequestTimeout: "?1ms"?$`)

// nodeName returns the name of the Node that the host's kubelet registers.
func (m *machine) nodeName() string {
	if u := m.units["kubelet.service"]; u != nil && u.file != nil {
		if name := flagValue(splitWords(u.file.last("Service.ExecStart")), "--hostname-override"); name != "" {
			return name
		}
	}
	return strings.ToLower(m.facts.Hostname)
}

// update notes a host's state. Nodes register and become ready.
func (c *Cluster) update(name string, s state) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.states[name] = s
	c.etcd.update(name, s.Etcd)
	c.heard(name, s.PID)
	c.countDown()
	api := false
	for _, s := range c.states {
		api = api || s.API
	}
	if !api {
		return
	}
	c.store.begin()
	for _, name := range sortedKeys(c.states) {
		c.report(name)
	}
}

// serving returns the process that answers at an address of any host.
func (c *Cluster) serving(addr, port string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.states {
		for _, a := range s.Addresses {
			if a == addr {
				return serving(s.Sockets, addr, port)
			}
		}
	}
	return ""
}

// podCIDR returns the subnet of a Node; "" before it has registered.
func (c *Cluster) podCIDR(node string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.store.objects[nodePath(node)]
	if o == nil {
		return ""
	}
	cidr, _ := dig(o.data, "spec", "podCIDR").(string)
	return cidr
}
