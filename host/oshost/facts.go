package oshost

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// Facts returns what this machine is. A fact that cannot be read stays empty.
func (h *Host) Facts(context.Context) (host.Facts, error) {
	f := host.Facts{
		Arch:        runtime.GOARCH,
		OS:          osRelease("/etc/os-release", "/usr/lib/os-release"),
		MachineID:   firstLine("/etc/machine-id"),
		BootID:      firstLine("/proc/sys/kernel/random/boot_id"),
		ProductUUID: firstLine("/sys/class/dmi/id/product_uuid"),
		Virt:        virt(),
		Root:        os.Geteuid() == 0,
		CgroupV2:    cgroupV2(),
		CPUs:        runtime.NumCPU(),
		Memory:      memory(),
		Swaps:       swaps(),
		Disks:       disks(),
		Now:         time.Now().UTC(),
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return f, err
	}
	f.Hostname, f.Kernel = unix.ByteSliceToString(u.Nodename[:]), unix.ByteSliceToString(u.Release[:])
	f.Resolvers, f.ResolvConf = resolvers()
	if booted() {
		v, err := h.bus.version()
		if err != nil {
			v = "unknown" // process 1 is systemd; Units will return the error
		}
		f.Systemd = v
	}
	return f, nil
}

func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}

// osRelease returns ID and VERSION_ID of the first file that exists.
func osRelease(paths ...string) string {
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		v := map[string]string{}
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				v[name] = strings.Trim(value, `"'`)
			}
		}
		return strings.TrimSpace(v["ID"] + " " + v["VERSION_ID"])
	}
	return ""
}

// virt returns what systemd-detect-virt prints, for common systems: a
// container rather than the virtual machine around it, and "" on metal.
func virt() string {
	if c := firstLine("/run/systemd/container"); c != "" {
		return c
	}
	if b, err := os.ReadFile("/proc/1/environ"); err == nil {
		for v := range strings.SplitSeq(string(b), "\x00") {
			if c, ok := strings.CutPrefix(v, "container="); ok && c != "" {
				return c
			}
		}
	}
	switch {
	case exists("/.dockerenv"):
		return "docker"
	case exists("/run/.containerenv"):
		return "podman"
	case exists("/proc/xen"):
		return "xen"
	}
	return machine()
}

// makers are words in the firmware of virtual machines.
var makers = []struct{ says, is string }{
	{"Amazon EC2", "amazon"}, {"QEMU", "kvm"}, {"KVM", "kvm"}, {"OpenStack", "kvm"}, {"KubeVirt", "kvm"},
	{"Google Compute Engine", "google"}, {"VMware", "vmware"}, {"VMW", "vmware"}, {"innotek GmbH", "oracle"},
	{"VirtualBox", "oracle"}, {"Xen", "xen"}, {"Bochs", "bochs"}, {"Parallels", "parallels"}, {"BHYVE", "bhyve"},
	{"Hyper-V", "microsoft"}, {"Virtual Machine", "microsoft"}, {"Apple Virtualization", "apple"},
}

func machine() string {
	var said []string
	for _, f := range []string{"product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"} {
		said = append(said, firstLine("/sys/class/dmi/id/"+f))
	}
	for _, m := range makers {
		if slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, m.says) }) {
			return m.is
		}
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "flags") {
				if slices.Contains(strings.Fields(line), "hypervisor") {
					return "vm-other"
				}
				break
			}
		}
	}
	return ""
}

// cgroupV2 reports whether /sys/fs/cgroup is the unified hierarchy.
func cgroupV2() bool {
	var st unix.Statfs_t
	return unix.Statfs("/sys/fs/cgroup", &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
}

func memory() int64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64) // 0 means unknown
			return kb << 10
		}
	}
	return 0
}

func swaps() []string {
	f, err := os.Open("/proc/swaps")
	if err != nil {
		return nil
	}
	defer f.Close()
	var out []string
	sc := bufio.NewScanner(f)
	for sc.Scan(); sc.Scan(); { // the first line is a heading
		if w := strings.Fields(sc.Text()); len(w) > 0 {
			out = append(out, unescape(w[0]))
		}
	}
	return out
}

// unescape decodes the blanks in names from /proc; proc_pid_mountinfo(5).
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// private are directories below which pods mount and unmount.
var private = []string{"/var/lib/kubelet/", "/var/lib/containerd/", "/var/lib/docker/", "/var/lib/containers/", "/var/snap/"}

// disks returns the file systems of /, of /var and of mounts below /var.
func disks() []host.Disk {
	types := map[string]string{}
	if b, err := os.ReadFile("/proc/self/mountinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			before, after, ok := strings.Cut(line, " - ")
			f, t := strings.Fields(before), strings.Fields(after)
			if ok && len(f) >= 5 && len(t) >= 1 {
				types[unescape(f[4])] = t[0]
			}
		}
	}
	paths := []string{"/", "/var"}
	for p := range types {
		if strings.HasPrefix(p, "/var/") && !slices.ContainsFunc(private, func(d string) bool { return strings.HasPrefix(p, d) }) {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	var out []host.Disk
	for _, p := range paths {
		var st unix.Statfs_t
		if unix.Statfs(p, &st) != nil {
			continue
		}
		d := host.Disk{Path: p, Free: int64(st.Bavail) * st.Bsize, Size: int64(st.Blocks) * st.Bsize, Type: typeOf(p, types)}
		if os.Geteuid() == 0 {
			d.Free = int64(st.Bfree) * st.Bsize
		}
		out = append(out, d)
	}
	return out
}

// typeOf returns the file system type of the nearest mount at or above path.
func typeOf(path string, types map[string]string) string {
	for p := path; ; p = filepath.Dir(p) {
		if t, ok := types[p]; ok || p == "/" {
			return t
		}
	}
}

// upstream is where systemd-resolved writes the name servers that it asks.
const upstream = "/run/systemd/resolve/resolv.conf"

// resolvers returns the name servers that pods can use, and the file that
// lists them. Pods cannot use systemd-resolved's stub, because it answers
// only on the host's loopback.
func resolvers() (servers []string, file string) {
	file = "/etc/resolv.conf"
	link, err := filepath.EvalSymlinks(file)
	own := nameservers(file)
	stub := err == nil && strings.HasPrefix(link, "/run/systemd/resolve/") ||
		slices.Contains(own, "127.0.0.53") || slices.Contains(own, "127.0.0.54")
	if stub && exists(upstream) {
		return nameservers(upstream), upstream
	}
	return own, file
}

func nameservers(path string) []string {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "nameserver" {
			out = append(out, f[1])
		}
	}
	return out
}
