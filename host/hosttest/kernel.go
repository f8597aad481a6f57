package hosttest

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

func bareSysctls() map[string]string {
	return map[string]string{
		"net.ipv4.ip_forward": "0", "net.ipv6.conf.all.forwarding": "0", "net.ipv6.conf.default.forwarding": "0",
		"net.ipv4.ip_local_port_range": "32768\t60999", "net.ipv4.ip_local_reserved_ports": "",
		"net.ipv4.conf.all.rp_filter": "2", "net.ipv4.conf.default.rp_filter": "2",
		"fs.inotify.max_user_instances": "128", "fs.inotify.max_user_watches": "65536", "fs.file-max": "9223372036854775807",
		"vm.overcommit_memory": "0", "vm.panic_on_oom": "0", "vm.swappiness": "60", "vm.max_map_count": "65530",
		"kernel.panic": "0", "kernel.panic_on_oops": "0", "kernel.keys.root_maxkeys": "1000000", "kernel.keys.root_maxbytes": "25000000",
		"net.netfilter.nf_conntrack_max": "262144",
	}
}

func bareFeatures() map[string]host.KernelFeature {
	features := map[string]host.KernelFeature{}
	for _, name := range []string{"nf_conntrack", "cgroups", "seccomp", "unix", "ext4"} {
		features[name] = host.KernelFeature{Name: name, Present: true}
	}
	for _, name := range []string{"overlay", "br_netfilter", "nf_tables", "ip_tables", "ip6_tables", "tun", "vxlan", "wireguard", "veth", "bridge",
		"ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh", "xt_comment", "xt_multiport", "xt_conntrack", "xt_mark", "xt_MASQUERADE", "nft_chain_nat", "nft_compat"} {
		features[name] = host.KernelFeature{Name: name, Loadable: true}
	}
	return features
}

// loads are the settings that appear when a kernel module is loaded.
var loads = map[string]map[string]string{
	"br_netfilter": {"net.bridge.bridge-nf-call-iptables": "1", "net.bridge.bridge-nf-call-ip6tables": "1", "net.bridge.bridge-nf-call-arptables": "1"},
}

// Facts implements host.Reader.
func (h *Host) Facts(ctx context.Context) (host.Facts, error) {
	var f host.Facts
	err := h.read(ctx, "Facts", "", func() error {
		f = h.facts
		f.Disks = append([]host.Disk(nil), f.Disks...)
		f.Swaps = append([]string(nil), f.Swaps...)
		f.Resolvers = append([]string(nil), f.Resolvers...)
		if f.Now.IsZero() {
			f.Now = h.now()
		}
		return nil
	})
	return f, err
}

// Sysctls implements host.Reader.
func (h *Host) Sysctls(ctx context.Context, names []string) (map[string]string, error) {
	values := map[string]string{}
	err := h.read(ctx, "Sysctls", strings.Join(names, " "), func() error {
		for _, name := range names {
			if v, ok := h.sysctls[name]; ok {
				values[name] = v
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// SetSysctl implements host.Writer.
func (h *Host) SetSysctl(ctx context.Context, name, value string) error {
	return h.change(ctx, "SetSysctl", name, func() error {
		if _, ok := h.sysctls[name]; !ok {
			return &fs.PathError{Op: "open", Path: "/proc/sys/" + strings.ReplaceAll(name, ".", "/"), Err: fs.ErrNotExist}
		}
		h.sysctls[name] = strings.Join(strings.Fields(value), "\t")
		return nil
	})
}

// KernelFeatures implements host.Reader.
func (h *Host) KernelFeatures(ctx context.Context, names []string) ([]host.KernelFeature, error) {
	var features []host.KernelFeature
	err := h.read(ctx, "KernelFeatures", strings.Join(names, " "), func() error {
		for _, name := range names {
			f := h.features[name]
			f.Name = name
			features = append(features, f)
		}
		return nil
	})
	return features, err
}

// LoadModule implements host.Writer.
func (h *Host) LoadModule(ctx context.Context, name string) error {
	return h.change(ctx, "LoadModule", name, func() error {
		f := h.features[name]
		if !f.Present && !f.Loadable {
			return fmt.Errorf("load %s: module not found", name)
		}
		f.Name, f.Present = name, true
		h.features[name] = f
		for k, v := range loads[name] {
			if _, ok := h.sysctls[k]; !ok {
				h.sysctls[k] = v
			}
		}
		return nil
	})
}

// Network implements host.Reader.
func (h *Host) Network(ctx context.Context) (host.Network, error) {
	var n host.Network
	err := h.read(ctx, "Network", "", func() error {
		for _, l := range h.network.Links {
			l.Addrs = append([]string(nil), l.Addrs...)
			n.Links = append(n.Links, l)
		}
		n.Routes = append(n.Routes, h.network.Routes...)
		return nil
	})
	return n, err
}
