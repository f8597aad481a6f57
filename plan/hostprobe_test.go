package plan

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/modules/preflight/hostcheck"
	"github.com/pmkctl/pmkctl/spec"
)

func TestHostProbe(t *testing.T) {
	const metrics = "http://127.0.0.1:2381/metrics"
	plain := func(p *hostcheck.Probe) {}
	tests := []struct {
		name string
		host int // 0 is the control-plane host
		edit func(c *spec.Cluster)
		want func(p *hostcheck.Probe) // over what a control-plane host has
	}{
		{"a control-plane host", 0, func(*spec.Cluster) {}, plain},
		{"a worker", 1, func(*spec.Cluster) {}, func(p *hostcheck.Probe) {
			p.Name, p.ControlPlane, p.EtcdData, p.EtcdMetrics, p.MinMemory = "b", false, "", "", defaultMemory
		}},
		{"an endpoint by name", 0, func(c *spec.Cluster) { c.API.Endpoint = "api.example.com" }, func(p *hostcheck.Probe) { p.Endpoint = "api.example.com" }},
		{"an etcd elsewhere", 0, func(c *spec.Cluster) {
			c.Settings.Etcd.Config = map[string]any{"data-dir": "/data/etcd", "listen-metrics-urls": "http://10.0.0.1:2381"}
		}, func(p *hostcheck.Probe) { p.EtcdData, p.EtcdMetrics = "/data/etcd", "" }},
		{"the kubelet's name servers and swap", 0, func(c *spec.Cluster) {
			c.Settings.Kubelet.Config = map[string]any{"resolvConf": "/etc/pods.conf", "failSwapOn": false, "failCgroupV1": false}
		}, func(p *hostcheck.Probe) {
			p.ResolvConf, p.FailSwapOn, p.FailCgroupV1 = "/etc/pods.conf", false, false
		}},
		{"a backend and a mode", 0, func(c *spec.Cluster) { c.Network.Backend, c.Settings.KubeProxy.Mode = "vxlan", "nftables" }, func(p *hostcheck.Probe) {
			p.Backend, p.ProxyMode, p.Features = "vxlan", "nftables", []string{"overlay", "br_netfilter", "nf_conntrack", "vxlan", "nf_tables"}
		}},
		{"limits", 0, func(c *spec.Cluster) {
			c.Preflight = spec.Preflight{MinMemory: 5, MinFreeDisk: 7, Levels: preflight.Levels{"PF018": "ignored"}}
		}, func(p *hostcheck.Probe) {
			p.MinMemory, p.MinFreeDisk, p.Levels = 5, 7, preflight.Levels{"PF018": "ignored"}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := testCluster("udp", 8285, both, worker)
			c.API.Endpoint, c.PodCIDR, c.ServiceCIDR = "10.0.0.1", netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("10.96.0.0/16")
			c.Preflight.MinMemory = defaultMemory
			tt.edit(c)
			want := hostcheck.Probe{
				Name: "a", Backend: "udp", Features: []string{"overlay", "br_netfilter", "nf_conntrack", "tun"}, FailSwapOn: true, FailCgroupV1: true,
				MinMemory: controlPlaneMemory, PodCIDR: c.PodCIDR, ServiceCIDR: c.ServiceCIDR, Members: []string{"10.0.0.1", "10.0.0.2"},
				ControlPlane: true, EtcdData: "/var/lib/etcd", EtcdMetrics: metrics,
			}
			tt.want(&want)
			b := &builder{Cluster: c}
			if d := cmp.Diff(want, b.hostProbe(c.Hosts[tt.host]), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
				t.Errorf("want - got +:\n%s", d)
			}
		})
	}
}
