package kernel

import (
	"maps"
	"strings"
)

// Modules are the kernel modules of a node, in the order of loading.
func Modules(backend, proxyMode string) []string {
	names := []string{"overlay", "br_netfilter", "nf_conntrack"}
	switch backend {
	case "udp":
		names = append(names, "tun")
	case "vxlan", "wireguard":
		names = append(names, backend)
	}
	if proxyMode == "nftables" {
		names = append(names, "nf_tables")
	}
	return names
}

// Sysctls are the settings of a node. With ipv6 the pod network has IPv6 too.
// With kernelDefaults they hold what a kubelet with protectKernelDefaults
// demands; without it the kubelet sets those itself.
func Sysctls(ipv6, kernelDefaults bool) map[string]string {
	s := map[string]string{
		"net.ipv4.ip_forward":                 "1",
		"net.ipv4.ip_local_reserved_ports":    "30000-32767", // node ports
		"net.bridge.bridge-nf-call-iptables":  "1",
		"net.bridge.bridge-nf-call-ip6tables": "1",
		// Each container runtime, kubelet and many pods hold instances; 128
		// of the kernel's default do not go far.
		"fs.inotify.max_user_instances": "8192",
		"fs.inotify.max_user_watches":   "524288",
	}
	if ipv6 {
		s["net.ipv6.conf.all.forwarding"] = "1"
		s["net.ipv6.conf.default.forwarding"] = "1"
	}
	if kernelDefaults {
		maps.Copy(s, map[string]string{
			"vm.overcommit_memory":      "1",
			"vm.panic_on_oom":           "0",
			"kernel.panic":              "10",
			"kernel.panic_on_oops":      "1",
			"kernel.keys.root_maxkeys":  "1000000",
			"kernel.keys.root_maxbytes": "25000000",
		})
	}
	return s
}

// NetOnly leaves what belongs to a network namespace: in a container the
// other settings are the whole machine's.
func NetOnly(sysctls map[string]string) map[string]string {
	out := maps.Clone(sysctls)
	maps.DeleteFunc(out, func(name, _ string) bool { return !strings.HasPrefix(name, "net.") })
	return out
}
