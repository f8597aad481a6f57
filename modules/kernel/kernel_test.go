package kernel

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

func TestModules(t *testing.T) {
	tests := []struct {
		backend, mode string
		want          []string
	}{
		{"udp", "iptables", []string{"overlay", "br_netfilter", "nf_conntrack", "tun"}},
		{"vxlan", "nftables", []string{"overlay", "br_netfilter", "nf_conntrack", "vxlan", "nf_tables"}},
		{"wireguard", "", []string{"overlay", "br_netfilter", "nf_conntrack", "wireguard"}},
		{"host-gw", "iptables", []string{"overlay", "br_netfilter", "nf_conntrack"}},
	}
	for _, tt := range tests {
		t.Run(tt.backend, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Modules(tt.backend, tt.mode)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSysctls(t *testing.T) {
	plain := Sysctls(false, false)
	if plain["net.ipv4.ip_forward"] != "1" || plain["fs.inotify.max_user_instances"] != "8192" || plain["net.ipv6.conf.all.forwarding"] != "" || plain["kernel.panic"] != "" {
		t.Errorf("got %v", plain)
	}
	all := Sysctls(true, true)
	if all["net.ipv6.conf.all.forwarding"] != "1" || all["kernel.panic"] != "10" {
		t.Errorf("got %v", all)
	}
	net := NetOnly(all)
	if net["fs.inotify.max_user_instances"] != "" || net["net.ipv4.ip_forward"] != "1" || all["kernel.panic"] != "10" {
		t.Errorf("got %v", net)
	}
}

func TestEnough(t *testing.T) {
	tests := []struct {
		name, have, want string
		enough           bool
	}{
		{"net.ipv4.ip_forward", "1", "1", true},
		{"net.ipv4.ip_forward", "0", "1", false},
		{"net.ipv4.ip_forward", "2", "1", false},
		{"net.ipv4.ip_local_port_range", "1024\t65535", "1024 65535", true},
		{"fs.inotify.max_user_instances", "128", "8192", false},
		{"fs.inotify.max_user_instances", "65536", "8192", true},
		{"fs.inotify.max_user_instances", "many", "8192", false},
	}
	for _, tt := range tests {
		if got := enough(tt.name, tt.have, tt.want); got != tt.enough {
			t.Errorf("%s=%q for %q: got %t, want %t", tt.name, tt.have, tt.want, got, tt.enough)
		}
	}
}

func TestDiff(t *testing.T) {
	m := Module{Modules: []string{"br_netfilter"}, Sysctls: map[string]string{"net.bridge.x": "1", "net.ipv4.ip_forward": "1"}}
	absent, loaded := []host.KernelFeature{{Name: "br_netfilter", Loadable: true}}, []host.KernelFeature{{Name: "br_netfilter", Present: true}}
	tests := []struct {
		name string
		s    state
		want []string
	}{
		{"bare", state{features: absent, sysctls: map[string]string{"net.ipv4.ip_forward": "0"}}, []string{"br_netfilter", "net.bridge.x", "net.ipv4.ip_forward"}},
		{"done", state{features: loaded, sysctls: map[string]string{"net.ipv4.ip_forward": "1", "net.bridge.x": "1"}}, nil},
		{"the kernel lacks one for good", state{features: loaded, sysctls: map[string]string{"net.ipv4.ip_forward": "1"}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, items(m.diff(tt.s))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func items(d change.Diff) []string {
	var s []string
	for _, c := range d {
		s = append(s, c.Item)
	}
	return s
}
