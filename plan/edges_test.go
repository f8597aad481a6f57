package plan

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/spec"
)

func testCluster(backend string, port int, roles ...[]spec.Role) *spec.Cluster {
	c := &spec.Cluster{API: spec.API{Port: 6443}, Network: spec.Network{Backend: backend, Port: port}}
	for i, r := range roles {
		c.Hosts = append(c.Hosts, &spec.Host{Name: string(rune('a' + i)), Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), Roles: r})
	}
	return c
}

var (
	both   = []spec.Role{spec.ControlPlane, spec.Etcd}
	cp     = []spec.Role{spec.ControlPlane}
	member = []spec.Role{spec.Etcd}
	worker = []spec.Role{spec.Worker}
)

func TestEdges(t *testing.T) {
	moved := testCluster("udp", 9000, both, worker)
	moved.API.Port = 8443
	moved.Hosts[1].Kubelet.Config = map[string]any{"port": 10350.0}
	tests := []struct {
		name string
		c    *spec.Cluster
		want string
	}{
		{"one host", testCluster("udp", 8285, both), ""},
		{"the lab", testCluster("udp", 8285, both, worker, worker), `
a -> b 10250/tcp, a -> b 8285/udp flannel-udp
a -> c 10250/tcp, a -> c 8285/udp flannel-udp
b -> a 6443/tcp, b -> a 10250/tcp, b -> a 8285/udp flannel-udp
b -> c 10250/tcp, b -> c 8285/udp flannel-udp
c -> a 6443/tcp, c -> a 10250/tcp, c -> a 8285/udp flannel-udp
c -> b 10250/tcp, c -> b 8285/udp flannel-udp`},
		{"etcd apart", testCluster("vxlan", 8472, cp, member, member), `
a -> b 2379/tcp, a -> b 10250/tcp, a -> b 8472/udp vxlan
a -> c 2379/tcp, a -> c 10250/tcp, a -> c 8472/udp vxlan
b -> a 6443/tcp, b -> a 10250/tcp, b -> a 8472/udp vxlan
b -> c 2379/tcp, b -> c 2380/tcp, b -> c 10250/tcp, b -> c 8472/udp vxlan
c -> a 6443/tcp, c -> a 10250/tcp, c -> a 8472/udp vxlan
c -> b 2379/tcp, c -> b 2380/tcp, c -> b 10250/tcp, c -> b 8472/udp vxlan`},
		{"three control-plane hosts", testCluster("wireguard", 51820, both, both), `
a -> b 6443/tcp, a -> b 2379/tcp, a -> b 2380/tcp, a -> b 10250/tcp, a -> b 51820/udp wireguard
b -> a 6443/tcp, b -> a 2379/tcp, b -> a 2380/tcp, b -> a 10250/tcp, b -> a 51820/udp wireguard`},
		{"no overlay", testCluster("host-gw", 0, both, worker), `
a -> b 10250/tcp, a -> b icmp
b -> a 6443/tcp, b -> a 10250/tcp, b -> a icmp`},
		{"other ports", moved, `
a -> b 10350/tcp, a -> b 9000/udp flannel-udp
b -> a 8443/tcp, b -> a 10250/tcp, b -> a 9000/udp flannel-udp`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got strings.Builder
			last := ""
			for _, e := range Edges(tt.c) {
				sep := "\n"
				if e.From+e.To == last {
					sep = ", "
				}
				last = e.From + e.To
				got.WriteString(strings.TrimRight(sep+e.String()+" "+e.Shape, " "))
			}
			if d := cmp.Diff(tt.want, got.String()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPorts(t *testing.T) {
	const node = `
tcp :10250 kubelet.service
tcp 127.0.0.1:10248 kubelet.service
tcp :10256 kube-proxy.service
tcp 127.0.0.1:10249 kube-proxy.service
`
	moved := testCluster("vxlan", 4789, worker)
	moved.Settings.Kubelet.Config = map[string]any{"port": 10350.0, "healthzPort": int64(0)}
	moved.Settings.KubeProxy.Config = map[string]any{"metricsBindAddress": "0.0.0.0:11249", "healthzBindAddress": "[::]:10256"}
	moved.Settings.Flannel.Flags = map[string]string{"healthz-port": "8081"}
	tests := []struct {
		name string
		c    *spec.Cluster
		want string
	}{
		{"worker", testCluster("udp", 8285, worker), node + "udp 10.0.0.1:8285 flanneld.service\n"},
		{"no overlay", testCluster("host-gw", 0, worker), node},
		{"the kernel's", testCluster("vxlan", 8472, worker), node + "udp 10.0.0.1:8472 flanneld.service kernel\n"},
		{"etcd", testCluster("host-gw", 0, member), `
tcp 10.0.0.1:2379 etcd.service
tcp 127.0.0.1:2379 etcd.service
tcp 10.0.0.1:2380 etcd.service
tcp 127.0.0.1:2381 etcd.service` + node},
		{"control plane", testCluster("host-gw", 0, cp), `
tcp :6443 kube-apiserver.service
tcp 127.0.0.1:10257 kube-controller-manager.service
tcp 127.0.0.1:10259 kube-scheduler.service` + node},
		{"moved", moved, `
tcp :10350 kubelet.service
tcp :10256 kube-proxy.service
tcp :11249 kube-proxy.service
udp 10.0.0.1:4789 flanneld.service kernel
tcp :8081 flanneld.service
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := "\n"
			for _, p := range Ports(tt.c, tt.c.Hosts[0]) {
				got += fmt.Sprintf("%s %s:%d %s", p.Proto, p.Addr, p.Port, p.Unit)
				if p.Kernel {
					got += " kernel"
				}
				got += "\n"
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// Every edge goes to a port that is bound at the address which it dials.
func TestEdgesLeadToPorts(t *testing.T) {
	for _, backend := range []string{"udp", "vxlan", "wireguard", "host-gw"} {
		c := testCluster(backend, 8285, both, both, member, cp, worker)
		bound := map[string]bool{}
		for _, h := range c.Hosts {
			for _, p := range Ports(c, h) {
				if p.Addr == "" || p.Addr == h.Address.String() {
					bound[fmt.Sprint(h.Name, p.Proto, p.Port)] = true
				}
			}
		}
		for _, e := range Edges(c) {
			if e.Proto == "icmp" { // the kernel answers
				continue
			}
			if !bound[fmt.Sprint(e.To, e.Proto, e.Port)] {
				t.Errorf("%s: %s leads to no port", backend, e)
			}
		}
	}
}
