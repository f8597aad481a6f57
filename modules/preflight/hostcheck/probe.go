package hostcheck

import (
	"context"
	"net/netip"
	"slices"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// Probe is the checks of one host, with what its part in the cluster needs.
type Probe struct {
	Name         string
	Cluster      string   // its name
	ClusterID    string   // as the records of the hosts have it
	Backend      string   // of flannel: udp, vxlan, host-gw, wireguard
	ProxyMode    string   // of kube-proxy: "" is iptables
	Features     []string // that the kernel must have, as host.Reader names them
	FailSwapOn   bool     // as the kubelet is configured
	FailCgroupV1 bool
	MinFreeDisk  int64            // bytes, on each disk that the components write to; 0 means any
	MinMemory    int64            // bytes
	Levels       preflight.Levels // of checks, as the spec has them

	PodCIDR, ServiceCIDR netip.Prefix // zero values are not checked
	Members              []string     // internal addresses of all hosts
	ControlPlane         bool
	Endpoint             string // of the API server, if it is a name; otherwise ""
	ResolvConf           string // that the kubelet is configured with; "" means the host's default
	EtcdData             string // the directory; "" if the host has no etcd
	EtcdMetrics          string // URL of a running etcd's metrics; "" if they are not read
}

// Probe reads everything at once and compares, see plan.Probe.
func (p Probe) Probe(ctx context.Context, h host.Host) ([]preflight.Finding, error) {
	s, err := p.read(ctx, h)
	if err != nil {
		return nil, err
	}
	fs := p.judge(s)
	p.Levels.Apply(fs)
	return preflight.WorstFirst(fs), nil
}

func (p Probe) judge(s *seen) []preflight.Finding {
	return slices.Concat(p.machine(s), p.kernel(s), p.room(s), p.others(s),
		p.disk(s), p.cni(s), p.oldLinks(s), p.routes(s), p.firewall(s), p.resolver(s), p.runtime(s), p.endpoint(s))
}
