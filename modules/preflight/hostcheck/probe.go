package hostcheck

import (
	"context"
	"net/netip"
	"slices"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// Probe is the checks of one host: what the components need and it
// lacks, and what is there that must not be.
type Probe struct {
	Name         string
	Cluster      string   // its name
	ClusterID    string   // as the records of the hosts have it
	Backend      string   // of flannel: udp, vxlan, host-gw, wireguard
	ProxyMode    string   // of kube-proxy: "" is iptables
	Features     []string // that the kernel must have, as host.Reader names them
	FailSwapOn   bool     // as the kubelet is configured
	FailCgroupV1 bool
	MinFreeDisk  int64            // bytes, on each disk that the components write to; 0 asks for none
	MinMemory    int64            // bytes
	Levels       preflight.Levels // of checks, as the spec has them

	PodCIDR, ServiceCIDR netip.Prefix // the zero ones are not looked at
	Members              []string     // internal addresses of all hosts
	ControlPlane         bool
	Endpoint             string // of the API server, if it is a name
	ResolvConf           string // that the kubelet is told to use; "" leaves it to the host
	EtcdData             string // the directory; "" where there is no etcd
	EtcdMetrics          string // URL of a running etcd's
}

// Check reads everything at once and compares. It changes nothing.
func (p Probe) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	s, err := p.read(ctx, h)
	if err != nil {
		return nil, err
	}
	fs := p.judge(s)
	p.Levels.Apply(fs)
	return preflight.Diff(fs), nil
}

func (p Probe) judge(s *seen) []preflight.Finding {
	return slices.Concat(p.machine(s), p.kernel(s), p.room(s), p.others(s),
		p.disk(s), p.cni(s), p.leftovers(s), p.routes(s), p.firewall(s), p.resolver(s), p.runtime(s), p.endpoint(s))
}
