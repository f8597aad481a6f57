package hostcheck_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/modules/preflight/hostcheck"
)

// aProbe returns the probe of a worker that also has an etcd.
func aProbe() hostcheck.Probe {
	return hostcheck.Probe{
		Name: "worker-1", Cluster: "main", ClusterID: "1", Backend: "udp", Features: []string{"overlay", "br_netfilter", "tun"},
		FailSwapOn: true, FailCgroupV1: true, MinFreeDisk: 2 << 30, MinMemory: 1 << 30,
		PodCIDR: netip.MustParsePrefix("10.244.0.0/16"), ServiceCIDR: netip.MustParsePrefix("10.96.0.0/16"), Members: []string{"192.0.2.10", "192.0.2.11"},
		EtcdData: "/var/lib/etcd", EtcdMetrics: "http://127.0.0.1:2381/metrics",
	}
}

// isMember makes the host a member of the cluster.
func isMember() hosttest.Option {
	return hosttest.WithFile("/var/lib/pmkctl/record.json", `{"version":1,"cluster":{"id":"1","name":"main"}}`)
}

func links(l ...host.NetLink) hosttest.Option {
	return hosttest.WithNetwork(host.Network{Links: append([]host.NetLink{{Name: "eth0", Addrs: []string{"192.0.2.11/24", "fe80::1/64"}}}, l...)})
}

func routes(r ...host.NetRoute) hosttest.Option {
	return hosttest.WithNetwork(host.Network{Routes: append([]host.NetRoute{{Dst: "0.0.0.0/0", Via: "192.0.2.1", Dev: "eth0"}, {Dst: "::/0", Via: "fe80::1", Dev: "eth0"},
		{Dst: "192.0.2.0/24", Dev: "eth0"}}, r...)})
}

func chain(family, table, name, hook, policy, last string) host.Chain {
	return host.Chain{Family: family, Table: table, Name: name, Hook: hook, Policy: policy, Last: last}
}

// buckets returns etcd's histogram of n writes. Of these, slow took longer
// than 16 ms, and all others less than 1 ms.
func buckets(n, slow int) string {
	const name = "etcd_disk_wal_fsync_duration_seconds"
	return fmt.Sprintf("# TYPE %s histogram\n%[1]s_bucket{le=\"0.001\"} %d\n%[1]s_bucket{le=\"0.016\"} %[2]d\n%[1]s_bucket{le=\"0.032\"} %[3]d\n%[1]s_bucket{le=\"+Inf\"} %[3]d\n%[1]s_count %[3]d\n",
		name, n-slow, n)
}

func TestHostNetwork(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	repeat := func(d time.Duration, n int) []time.Duration { return slices.Repeat([]time.Duration{d}, n) }
	file := hosttest.WithFile
	cni0 := func(addr string) hosttest.Option {
		return links(host.NetLink{Name: "cni0", Type: "bridge", Addrs: []string{addr}})
	}
	resolvers := func(r ...string) hosttest.Option { return hosttest.WithFacts(func(f *host.Facts) { f.Resolvers = r }) }
	type options = []hosttest.Option
	tests := []struct {
		name string
		opts options
		edit func(p *hostcheck.Probe)
		want string
	}{
		{"a bare host", nil, nil, ""},
		{"a live member", options{isMember(), file("/etc/cni/net.d/10-flannel.conflist", ""), file("/run/flannel/subnet.env", "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n"),
			file("/etc/systemd/system/containerd.service", "[Unit]\nX-Pmkctl-Inputs=00\n"), hosttest.WithNetwork(host.Network{
				Links:  []host.NetLink{{Name: "eth0", Addrs: []string{"192.0.2.11/24"}}, {Name: "cni0", Addrs: []string{"10.244.1.1/24", "fe80::2/64"}}, {Name: "flannel0", Addrs: []string{"10.244.1.0/32"}}},
				Routes: []host.NetRoute{{Dst: "0.0.0.0/0", Via: "192.0.2.1", Dev: "eth0"}, {Dst: "10.244.0.0/16", Dev: "flannel0"}, {Dst: "10.244.1.0/24", Dev: "cni0"}},
			})}, nil, ""},

		{"a slow disk", options{hosttest.WithFsync(ms(12))}, nil,
			"PF014 warning a synced write to the disk of /var/lib/etcd takes 12ms (99 of 100 are faster); expected at most 10ms\n"},
		{"a slow disk, ignored", options{hosttest.WithFsync(ms(12))}, func(p *hostcheck.Probe) { p.Levels = preflight.Levels{"PF014": preflight.Ignored} },
			"PF014 ignored a synced write to the disk of /var/lib/etcd takes 12ms (99 of 100 are faster); expected at most 10ms\n"},
		{"a disk that hangs now and then", options{hosttest.WithFsync(slices.Concat(repeat(ms(1), 48), repeat(ms(90), 2), repeat(ms(1), 48), repeat(ms(90), 2), repeat(ms(1), 48), repeat(ms(90), 2), repeat(ms(1), 50))...)}, nil,
			"PF014 warning a synced write to the disk of /var/lib/etcd takes 90ms (99 of 100 are faster); expected at most 10ms\n"},
		{"one hiccup", options{hosttest.WithFsync(append(repeat(ms(300), 5), ms(1))...)}, nil, ""},
		{"a disk that cannot tell", options{hosttest.WithFsync()}, nil, ""},
		{"a slow disk without etcd", options{hosttest.WithFsync(ms(12))}, func(p *hostcheck.Probe) { p.EtcdData = "" }, ""},
		{"a slow disk that an etcd has used", options{hosttest.WithFsync(ms(12)), hosttest.WithDir("/var/lib/etcd/member"), isMember()}, nil, ""},
		{"data of another etcd", options{hosttest.WithDir("/var/lib/etcd/member")}, nil, "PF011 error found /var/lib/etcd/member; expected none\n"},
		{"a live etcd on a slow disk", options{hosttest.WithFsync(ms(1)), hosttest.WithService("etcd"), hosttest.WithAnswer("http://127.0.0.1:2381/metrics", buckets(10000, 200))}, nil,
			"PF014 warning etcd's synced writes take 24ms (99 of 100 are faster); expected at most 10ms\n"},
		{"a live etcd", options{hosttest.WithFsync(ms(12)), hosttest.WithService("etcd"), hosttest.WithAnswer("http://127.0.0.1:2381/metrics", buckets(10000, 50))}, nil, ""},
		{"a live etcd that began just now", options{hosttest.WithService("etcd"), hosttest.WithAnswer("http://127.0.0.1:2381/metrics", buckets(500, 200))}, nil, ""},
		{"a live etcd without metrics", options{hosttest.WithFsync(ms(12)), hosttest.WithService("etcd")}, nil, ""},

		{"a CNI configuration that wins", options{file("/etc/cni/net.d/05-cilium.conflist", ""), file("/etc/cni/net.d/10-containerd-net.conflist", ""), file("/etc/cni/net.d/README", "")}, nil,
			"PF015 error /etc/cni/net.d has 05-cilium.conflist, 10-containerd-net.conflist; expected nothing that comes before 10-flannel.conflist\n"},
		{"a CNI configuration that loses", options{file("/etc/cni/net.d/87-podman-bridge.conflist", ""), file("/etc/cni/net.d/.keep", "")}, nil, ""},

		{"a bridge of another network", options{cni0("10.88.0.1/16")}, nil,
			"PF016 error cni0 has the address 10.88.0.1/16; expected an address in 10.244.0.0/16, or no such interface\n"},
		{"a bridge of an earlier cluster", options{cni0("10.244.1.1/24")}, nil,
			"PF016 error cni0 is there with the address 10.244.1.1/24; expected none before there is a cluster\n"},
		{"a bridge of another subnet", options{cni0("10.244.1.1/24"), isMember(), file("/run/flannel/subnet.env", "FLANNEL_SUBNET=10.244.2.1/24\n")}, nil,
			"PF016 error cni0 has the address 10.244.1.1/24; expected 10.244.2.1/24, which flannel has for this host\n"},
		{"flannel of another network", options{links(host.NetLink{Name: "flannel.1", Addrs: []string{"10.42.0.0/32"}})}, nil,
			"PF016 error flannel.1 has the address 10.42.0.0/32; expected an address in 10.244.0.0/16, or no such interface\n"},
		{"flannel of another backend", options{links(host.NetLink{Name: "flannel-wg", Addrs: []string{"10.244.1.0/32"}})}, nil,
			"PF016 error flannel-wg is there, of flannel's wireguard backend; expected none but the udp backend's\n"},
		{"a backend that is about to change", options{links(host.NetLink{Name: "flannel.1", Addrs: []string{"10.244.1.0/32"}}), isMember(),
			file("/etc/kube-flannel/net-conf.json", `{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}`)}, nil, ""},
		{"interfaces of others", options{links(host.NetLink{Name: "docker0", Addrs: []string{"172.17.0.1/16"}}, host.NetLink{Name: "flannelette", Addrs: []string{"172.18.0.1/16"}})}, nil, ""},

		{"a route into the pod network", options{routes(host.NetRoute{Dst: "10.244.3.0/24", Via: "192.0.2.9", Dev: "eth0"})}, nil,
			"PF017 error the host has 10.244.3.0/24 via 192.0.2.9 dev eth0; expected no route into the pod network 10.244.0.0/16\n"},
		{"its own routes over host-gw", options{routes(host.NetRoute{Dst: "10.244.0.0/24", Via: "192.0.2.10", Dev: "eth0"})}, func(p *hostcheck.Probe) { p.Backend = "host-gw" }, ""},
		{"many routes into the service network", options{routes(host.NetRoute{Dst: "10.96.0.0/16", Dev: "br0"}, host.NetRoute{Dst: "10.96.1.0/24", Dev: "br1"},
			host.NetRoute{Dst: "10.96.2.0/24", Dev: "br2"}, host.NetRoute{Dst: "10.96.3.0/24", Dev: "br3"})}, nil,
			"PF017 warning the host has 10.96.0.0/16 dev br0, 10.96.1.0/24 dev br1, 10.96.2.0/24 dev br2 and 1 more; expected no route into the service network 10.96.0.0/16\n"},
		{"a host's network that holds pods' and services'", options{routes(host.NetRoute{Dst: "10.0.0.0/8", Dev: "eth1"})}, nil,
			"PF017 warning the pod network 10.244.0.0/16 lies within 10.0.0.0/8 dev eth1; expected a network of its own\n" +
				"PF017 warning the service network 10.96.0.0/16 lies within 10.0.0.0/8 dev eth1; expected a network of its own\n"},
		{"a wide route", options{routes(host.NetRoute{Dst: "10.0.0.0/8", Via: "192.0.2.9", Dev: "eth0"}, host.NetRoute{Dst: "172.16.0.0/12", Dev: "br0"})}, nil, ""},
		{"a route, ignored", options{routes(host.NetRoute{Dst: "10.244.3.0/24", Dev: "tun0"})}, func(p *hostcheck.Probe) { p.Levels = preflight.Levels{"PF017": preflight.Ignored} },
			"PF017 ignored the host has 10.244.3.0/24 dev tun0; expected no route into the pod network 10.244.0.0/16\n"},

		{"firewalld", options{hosttest.WithService("firewalld"), hosttest.WithFirewall(chain("inet", "firewalld", "filter_INPUT", "input", "accept", "reject"))}, nil,
			"PF018 warning firewalld is active; what no rule accepts is stopped by inet firewalld filter_INPUT (reject); expected none, or one that lets the cluster's traffic pass\n"},
		{"ufw", options{file("/etc/ufw/ufw.conf", "# on or off\nENABLED=yes\n")}, nil, "PF018 warning ufw is enabled; expected none, or one that lets the cluster's traffic pass\n"},
		{"ufw, not enabled", options{file("/etc/ufw/ufw.conf", "ENABLED=no\n"), hosttest.WithService("ufw")}, nil, ""},
		{"docker's policy", options{hosttest.WithFirewall(chain("ip", "filter", "FORWARD", "forward", "drop", ""), chain("ip", "filter", "INPUT", "input", "accept", ""))}, nil,
			"PF018 warning what no rule accepts is stopped by ip filter FORWARD (drop); expected none, or one that lets the cluster's traffic pass\n"},

		{"a resolver on the loopback", options{resolvers("127.0.0.1", "::1")}, nil,
			"PF019 warning /etc/resolv.conf names 127.0.0.1, ::1 alone; expected a name server that pods can reach\n"},
		{"a container's", options{resolvers("127.0.0.11"), hosttest.WithFacts(func(f *host.Facts) { f.Virt = "docker" })}, nil, ""},
		{"one of two", options{resolvers("127.0.0.1", "192.0.2.1")}, nil, ""},
		{"none", options{resolvers()}, nil, "PF019 warning /etc/resolv.conf names no name server; expected one that pods can reach\n"},
		{"no file", options{resolvers(), hosttest.WithoutFile("/etc/resolv.conf")}, nil, "PF019 error /etc/resolv.conf is missing; expected a file that names name servers\n"},
		{"the spec's file is missing", nil, func(p *hostcheck.Probe) { p.ResolvConf = "/etc/pods.conf" }, "PF019 error /etc/pods.conf is missing; expected a file that names name servers\n"},
		{"the spec's file", options{resolvers("127.0.0.1"), file("/etc/pods.conf", "nameserver 192.0.2.1\n")}, func(p *hostcheck.Probe) { p.ResolvConf = "/etc/pods.conf" }, ""},

		{"Debian's containerd", options{hosttest.WithService("containerd", "docker")}, nil,
			"PF060 warning containerd.service is not pmkctl's (/etc/systemd/system/containerd.service, active), and docker.service uses it; expected none: pmkctl's own takes its place\n"},
		{"a containerd that is stopped", options{file("/usr/lib/systemd/system/containerd.service", "[Service]\nExecStart=/usr/bin/containerd\n")}, nil, ""},

		{"a name", nil, func(p *hostcheck.Probe) { p.Endpoint = "api.example.com" }, ""},
		{"a name without an address", options{hosttest.WithName("api.example.com")}, func(p *hostcheck.Probe) { p.Endpoint = "api.example.com" },
			"PF061 error api.example.com has no address: no such host; expected the API server's\n"},
		{"a name of the host itself", options{hosttest.WithName("api.example.com", "127.0.1.1")}, func(p *hostcheck.Probe) { p.Endpoint = "api.example.com" },
			"PF061 error api.example.com is 127.0.1.1, this host itself; expected the API server's address\n"},
		{"a name of the control plane itself", options{hosttest.WithName("api.example.com", "127.0.1.1")},
			func(p *hostcheck.Probe) { p.Endpoint, p.ControlPlane = "api.example.com", true }, ""},

		{"no /dev/net/tun", options{hosttest.WithFeatures(host.KernelFeature{Name: "tun", Present: true}), hosttest.WithoutFile("/dev/net/tun")}, nil,
			"PF006 error the kernel 6.1.0-28-amd64 lacks /dev/net/tun; expected overlay, br_netfilter, tun\n"},
		{"a very old kernel", options{hosttest.WithFacts(func(f *host.Facts) { f.Kernel = "3.10.0-1160.el7" })}, nil,
			"PF013 error the kernel is 3.10.0-1160.el7; expected 4.19 or newer\n"},
		{"no modprobe", options{hosttest.WithoutPrograms("modprobe")}, nil,
			"PF007 error missing: modprobe; expected mount, ip, nsenter, iptables, modprobe\n"},
		{"no modprobe, and nothing to load", options{hosttest.WithoutPrograms("modprobe")}, func(p *hostcheck.Probe) { p.Features = []string{"nf_conntrack"} }, ""},
		{"a full root", options{hosttest.WithFacts(func(f *host.Facts) { f.Disks[0].Free = 100 << 20 })}, nil,
			"PF008 error / has 100 MiB free; expected at least 1.0 GiB\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := hosttest.New("worker-1", tt.opts...)
			if err := h.Admin().Unit(t.Context(), "", host.Reload); err != nil {
				t.Fatal(err)
			}
			p := aProbe()
			if tt.edit != nil {
				tt.edit(&p)
			}
			if d := cmp.Diff(tt.want, findings(t, p, h)); d != "" {
				t.Errorf("findings, want - got +:\n%s", d)
			}
			if n := len(h.Log()); n > 0 {
				t.Errorf("it made %d changes", n)
			}
		})
	}
}

func findings(t *testing.T, p hostcheck.Probe, h host.Host) string {
	t.Helper()
	found, err := p.Probe(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, f := range found {
		fmt.Fprintf(&got, "%s %s %s; expected %s\n", f.ID, f.Level, f.Found, f.Expected)
	}
	return got.String()
}

// A check of a host takes two round trips, one after the other.
func TestHostProbeRoundTrips(t *testing.T) {
	const trip = 50 * time.Millisecond
	for _, opts := range [][]hosttest.Option{nil, {hosttest.WithService("etcd")}} {
		synctest.Test(t, func(t *testing.T) { // its clock moves only while all goroutines wait
			h := hosttest.New("worker-1", append(opts, hosttest.WithLatency(trip))...)
			p := aProbe()
			p.Endpoint = "api.example.com"
			begin := time.Now()
			findings(t, p, h)
			if d := time.Since(begin); d != 2*trip {
				t.Errorf("it took %s, want two times %s", d, trip)
			}
		})
	}
}

// What a host cannot know is no finding. A lost host is an error.
func TestHostProbeOptional(t *testing.T) {
	tests := []struct {
		method string
		err    error
		fails  bool
	}{
		{"Firewall", host.ErrUnavailable, false},
		{"FsyncLatency", host.ErrUnavailable, false},
		{"Firewall", host.ErrLost, true},
		{"FsyncLatency", host.ErrLost, true},
		{"Network", host.ErrLost, true},
		{"Units", host.ErrLost, true},
		{"Units", host.ErrUnavailable, true},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.err.Error(), func(t *testing.T) {
			h := hosttest.New("worker-1")
			h.FailOn(func(method, _ string) error {
				if method == tt.method {
					return tt.err
				}
				return nil
			})
			d, err := aProbe().Probe(t.Context(), h)
			if (err != nil) != tt.fails || len(d) > 0 {
				t.Errorf("got %v, %v", d, err)
			}
		})
	}
}

// A host without systemd cannot return units.
func TestHostProbeWithoutSystemd(t *testing.T) {
	h := hosttest.New("worker-1", hosttest.WithFacts(func(f *host.Facts) { f.Systemd = "" }))
	h.FailOn(func(method, _ string) error {
		if method == "Units" {
			return host.ErrUnavailable
		}
		return nil
	})
	if d := cmp.Diff("PF002 error systemd is not process 1; expected systemd\n", findings(t, aProbe(), h)); d != "" {
		t.Errorf("findings, want - got +:\n%s", d)
	}
}
