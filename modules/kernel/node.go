package kernel

import (
	"maps"
	"strings"
)

// Modules returns the kernel modules of a node, in the order of loading.
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

// Sysctls returns the settings of a node. ipv6 means that the pod network has IPv6
// too. kernelDefaults adds what a kubelet with protectKernelDefaults demands; any
// other kubelet sets that itself.
func Sysctls(ipv6, kernelDefaults bool) map[string]string {
	s := map[string]string{
		"net.ipv4.ip_forward":                 "1",
		"net.ipv4.ip_local_reserved_ports":    "30000-32767", // node ports
		"net.bridge.bridge-nf-call-iptables":  "1",
		"net.bridge.bridge-nf-call-ip6tables": "1",
		// The container runtime, the kubelet and many pods use instances. The
		// kernel's default of 128 is too few.
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

// NetOnly returns the settings of a network namespace. In a container all others
// would be those of the whole machine.
func NetOnly(sysctls map[string]string) map[string]string {
	out := maps.Clone(sysctls)
	maps.DeleteFunc(out, func(name, _ string) bool { return !strings.HasPrefix(name, "net.") })
	return out
}
