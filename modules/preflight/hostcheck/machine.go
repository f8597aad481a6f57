package hostcheck

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

const tunPath = "/dev/net/tun"

// machine judges the host itself.
func (p Probe) machine(s *seen) (out []preflight.Finding) {
	add := func(id, found, expected string) { out = append(out, preflight.NewFinding(id, p.Name, found, expected)) }
	f := s.facts
	if p.Backend == "udp" && f.Arch != "amd64" {
		add(preflight.Arch, "the processor is "+f.Arch, "amd64 for the udp backend")
	}
	if f.Systemd == "" {
		add(preflight.Systemd, "systemd is not process 1", "systemd")
	}
	if !f.Root {
		add(preflight.Root, "the agent does not run as root", "root")
	}
	if !f.CgroupV2 {
		add(preflight.Cgroups, "the host has cgroup v1", "cgroup v2")
		if !p.FailCgroupV1 {
			out[len(out)-1].Level = preflight.Warning
		}
	}
	if len(f.Swaps) > 0 && p.FailSwapOn {
		add(preflight.Swap, "swap is on: "+strings.Join(f.Swaps, ", "), "no swap")
	}
	return out
}

// kernel judges what the kernel has, and which programs are installed.
func (p Probe) kernel(s *seen) (out []preflight.Finding) {
	var missing []string
	loads := false
	for _, f := range s.features {
		loads = loads || !f.Present && f.Loadable
		switch {
		case !f.Present && !f.Loadable:
			missing = append(missing, f.Name)
		case f.Name == "tun" && f.Present && s.files[tunPath].Type == host.Absent:
			missing = append(missing, tunPath)
		}
	}
	if len(missing) > 0 {
		out = append(out, preflight.NewFinding(preflight.Kernel, p.Name, fmt.Sprintf("the kernel %s lacks %s", s.facts.Kernel, strings.Join(missing, ", ")), strings.Join(p.Features, ", ")))
	}
	switch {
	case olderThan(s.facts.Kernel, 4, 19):
		out = append(out, preflight.NewFinding(preflight.KernelVersion, p.Name, "the kernel is "+s.facts.Kernel, "4.19 or newer"))
	case p.ProxyMode == "nftables" && olderThan(s.facts.Kernel, 5, 13):
		out = append(out, preflight.NewFinding(preflight.KernelVersion, p.Name, "the kernel is "+s.facts.Kernel, "5.13 or newer for kube-proxy's nftables mode"))
	}
	missing = nil
	wanted := p.programs()
	if loads {
		wanted = append(wanted, loader)
	}
	for _, f := range s.programs {
		if f.Path == "" && slices.Contains(wanted, f.Name) {
			missing = append(missing, f.Name)
		}
	}
	if len(missing) > 0 {
		out = append(out, preflight.NewFinding(preflight.Programs, p.Name, "missing: "+strings.Join(missing, ", "), strings.Join(wanted, ", ")))
	}
	return out
}

// loader is the program that loads kernel modules.
const loader = "modprobe"

// programs returns the programs that the components run.
func (p Probe) programs() []string {
	list := []string{"mount", "ip", "nsenter", "iptables"}
	if p.ProxyMode == "nftables" {
		list = append(list, "nft")
	}
	return list
}

// olderThan reports whether a kernel's release is older than a version. A
// release that cannot be read is not older.
func olderThan(release string, major, minor int) bool {
	var a, b int
	if n, _ := fmt.Sscanf(release, "%d.%d", &a, &b); n < 2 {
		return false
	}
	return a < major || a == major && b < minor
}
