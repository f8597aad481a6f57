package oshost

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// Sysctls reads settings.
func (h *Host) Sysctls(_ context.Context, names []string) (map[string]string, error) {
	found := map[string]string{}
	for _, n := range names {
		p, err := sysctlPath(n)
		if err != nil {
			return nil, err
		}
		b, err := os.ReadFile(p)
		if absent(err) != nil {
			return nil, fmt.Errorf("read %s: %w", n, err)
		}
		if err == nil {
			found[n] = strings.Join(strings.Fields(string(b)), " ")
		}
	}
	return found, nil
}

// SetSysctl changes a setting.
func (h *Host) SetSysctl(_ context.Context, name, value string) error {
	p, err := sysctlPath(name)
	if err != nil {
		return err
	}
	// One write, and no O_CREATE: a setting that does not exist cannot be
	// set.
	f, err := os.OpenFile(p, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	_, err = f.WriteString(value + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	return nil
}

// sysctlPath returns the file of a setting. As in sysctl(8), a dot within a
// part is written as a slash: net.ipv4.conf.eth0/100.rp_filter.
func sysctlPath(name string) (string, error) {
	p := strings.Map(func(r rune) rune {
		switch r {
		case '.':
			return '/'
		case '/':
			return '.'
		}
		return r
	}, name)
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsRune(part, 0) {
			return "", fmt.Errorf("%q is no name of a setting", name)
		}
	}
	return "/proc/sys/" + p, nil
}

// kernel is what does not change while the kernel runs.
type kernel struct {
	once     sync.Once
	release  string
	config   map[string]string // y or m, by CONFIG_ name; nil if it cannot be read
	builtin  map[string]bool   // of modules.builtin
	loadable map[string]bool   // of modules.dep
	symOnce  sync.Once
	symbols  map[string]bool // symbols of features, from /proc/kallsyms
}

// A feature is evidence that the kernel has a feature whose module name alone
// does not prove it.
type feature struct {
	config string // built in if this is y
	path   string // exists when the feature works, built in or loaded
	symbol string // one of its functions: for kernels whose configuration cannot be read
}

// features are those that pmkctl asks for. For any other one CONFIG_ and the
// name in capitals must do.
var features = map[string]feature{
	"overlay":       {"CONFIG_OVERLAY_FS", "", "ovl_fill_super"},
	"br_netfilter":  {"CONFIG_BRIDGE_NETFILTER", "/proc/sys/net/bridge/bridge-nf-call-iptables", "br_nf_pre_routing"},
	"bridge":        {"CONFIG_BRIDGE", "", "br_add_bridge"},
	"nf_conntrack":  {"CONFIG_NF_CONNTRACK", "/proc/sys/net/netfilter/nf_conntrack_max", "nf_conntrack_in"},
	"nf_nat":        {"CONFIG_NF_NAT", "", "nf_nat_setup_info"},
	"nf_tables":     {"CONFIG_NF_TABLES", "", "nft_do_chain"},
	"ip_tables":     {"CONFIG_IP_NF_IPTABLES", "/proc/net/ip_tables_names", "ipt_do_table"},
	"ip6_tables":    {"CONFIG_IP6_NF_IPTABLES", "/proc/net/ip6_tables_names", "ip6t_do_table"},
	"iptable_nat":   {"CONFIG_IP_NF_NAT", "", "iptable_nat_table_init"},
	"ip_vs":         {"CONFIG_IP_VS", "/proc/net/ip_vs", "ip_vs_new_dest"},
	"ip_vs_rr":      {"CONFIG_IP_VS_RR", "", "ip_vs_rr_schedule"},
	"ip_vs_wrr":     {"CONFIG_IP_VS_WRR", "", "ip_vs_wrr_schedule"},
	"ip_vs_sh":      {"CONFIG_IP_VS_SH", "", "ip_vs_sh_schedule"},
	"vxlan":         {"CONFIG_VXLAN", "", "vxlan_xmit"},
	"wireguard":     {"CONFIG_WIREGUARD", "", "wg_xmit"},
	"tun":           {"CONFIG_TUN", "/sys/class/misc/tun", "tun_chr_open"},
	"veth":          {"CONFIG_VETH", "", "veth_xmit"},
	"dummy":         {"CONFIG_DUMMY", "", "dummy_xmit"},
	"ipip":          {"CONFIG_NET_IPIP", "", "ipip_rcv"},
	"nft_masq":      {"CONFIG_NFT_MASQ", "", ""},
	"nft_chain_nat": {"CONFIG_NFT_NAT", "", ""},
	"xt_comment":    {"CONFIG_NETFILTER_XT_MATCH_COMMENT", "", ""},
	"xt_conntrack":  {"CONFIG_NETFILTER_XT_MATCH_CONNTRACK", "", ""},
	"xt_multiport":  {"CONFIG_NETFILTER_XT_MATCH_MULTIPORT", "", ""},
	"xt_statistic":  {"CONFIG_NETFILTER_XT_MATCH_STATISTIC", "", ""},
	"xt_MASQUERADE": {"CONFIG_NETFILTER_XT_TARGET_MASQUERADE", "", ""},
}

// KernelFeatures reports what the kernel has. Built in and loaded are the
// same for pmkctl. The evidence, cheapest first: the module list and
// /sys/module, file systems, a file that only the feature makes,
// modules.builtin, the kernel's configuration, and its symbols. modprobe is
// no evidence: if everything is built in there may be no /lib/modules, and
// modprobe fails.
func (h *Host) KernelFeatures(_ context.Context, names []string) ([]host.KernelFeature, error) {
	loaded := words("/proc/modules", 0)
	filesystems := words("/proc/filesystems", -1)
	h.kernel.once.Do(h.kernel.read)
	out := make([]host.KernelFeature, len(names))
	for i, n := range names {
		key := moduleKey(n)
		out[i] = host.KernelFeature{Name: n, Loadable: h.kernel.loadable[key]}
		out[i].Present = loaded[key] || filesystems[n] || exists("/sys/module/"+key) && plainName(n) ||
			h.kernel.builtIn(n)
	}
	return out, nil
}

// moduleKey returns a module's name as the kernel writes it.
func moduleKey(name string) string { return strings.ReplaceAll(name, "-", "_") }

func plainName(name string) bool { return name != "" && !strings.ContainsAny(name, "/.") }

func (k *kernel) builtIn(name string) bool {
	key := moduleKey(name)
	f, ok := features[key]
	if !ok {
		f = feature{config: "CONFIG_" + strings.ToUpper(key)}
	}
	if f.path != "" && exists(f.path) || k.builtin[key] || k.config[f.config] == "y" {
		return true
	}
	// A module's symbols exist only while it is loaded, so they prove that it
	// works. To read 10 MB of them is the last resort.
	if k.config != nil || f.symbol == "" {
		return false
	}
	k.symOnce.Do(func() { k.symbols = symbols() })
	return k.symbols[f.symbol]
}

// read reads what does not change while the kernel runs.
func (k *kernel) read() {
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		k.release = unix.ByteSliceToString(u.Release[:])
	}
	k.config = readConfig("/proc/config.gz", "/boot/config-"+k.release, "/lib/modules/"+k.release+"/config")
	k.builtin = moduleFiles("/lib/modules/" + k.release + "/modules.builtin")
	k.loadable = moduleFiles("/lib/modules/" + k.release + "/modules.dep")
}

// readConfig returns the options that are y or m in the first file that
// exists.
func readConfig(paths ...string) map[string]string {
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		if z, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
			if b, err = io.ReadAll(z); err != nil {
				continue
			}
		}
		config := map[string]string{}
		for line := range strings.Lines(string(b)) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			if ok && (value == "y" || value == "m") {
				config[name] = value
			}
		}
		return config
	}
	return nil
}

// moduleFiles returns the names of the modules in a list of files. A colon
// and a module's dependencies may follow each.
func moduleFiles(path string) map[string]bool {
	found := map[string]bool{}
	f, err := os.Open(path)
	if err != nil {
		return found
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		file, _, _ := strings.Cut(sc.Text(), ":")
		name, _, ok := strings.Cut(filepath.Base(file), ".ko")
		if ok {
			found[moduleKey(name)] = true
		}
	}
	return found
}

// symbols returns the symbols of features that the kernel has.
func symbols() map[string]bool {
	wanted := map[string]bool{}
	for _, f := range features {
		wanted[f.symbol] = true
	}
	found := map[string]bool{}
	file, err := os.Open("/proc/kallsyms")
	if err != nil {
		return found
	}
	defer file.Close()
	for sc := bufio.NewScanner(file); sc.Scan(); {
		fields := strings.Fields(sc.Text()) // address, type, name, module
		if len(fields) >= 3 && wanted[fields[2]] {
			found[fields[2]] = true
		}
	}
	return found
}

// words returns a column of a table in /proc; column -1 is the last one.
func words(path string, column int) map[string]bool {
	found := map[string]bool{}
	b, err := os.ReadFile(path)
	if err != nil {
		return found
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case column < 0:
			found[fields[len(fields)-1]] = true
		default:
			found[fields[column]] = true
		}
	}
	return found
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR)
}

// LoadModule loads a module.
func (h *Host) LoadModule(ctx context.Context, name string) error {
	if !plainName(name) || strings.HasPrefix(name, "-") || strings.ContainsAny(name, " \t\n\\") {
		return fmt.Errorf("%q is no name of a kernel module", name)
	}
	f, err := h.KernelFeatures(ctx, []string{name})
	if err != nil || f[0].Present {
		return err
	}
	_, err = h.run(ctx, []string{"modprobe", "--", name}, nil)
	return err
}
