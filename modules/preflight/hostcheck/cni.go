package hostcheck

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

// Where an earlier pod network is found on a host.
const (
	cniDir    = "/etc/cni/net.d"
	cniOurs   = "10-flannel.conflist"
	bridge    = "cni0"
	subnetEnv = "/run/flannel/subnet.env"
	netConf   = "/etc/kube-flannel/net-conf.json"
)

// cni finds configurations that containerd would use instead of ours, because
// it uses the first by name.
func (p Probe) cni(s *seen) (out []preflight.Finding) {
	var first []string
	for _, name := range s.files[cniDir].Entries {
		config := strings.HasSuffix(name, ".conf") || strings.HasSuffix(name, ".conflist") || strings.HasSuffix(name, ".json")
		if config && name < cniOurs {
			first = append(first, name)
		}
	}
	if len(first) > 0 {
		out = append(out, preflight.NewFinding(preflight.ForeignCNI, p.Name, fmt.Sprintf("%s has %s", cniDir, strings.Join(first, ", ")), "nothing that comes before "+cniOurs))
	}
	return out
}

// oldLinks finds interfaces of an earlier pod network that the new one would
// use as its own.
func (p Probe) oldLinks(s *seen) (out []preflight.Finding) {
	add := func(expected, format string, a ...any) {
		out = append(out, preflight.NewFinding(preflight.OldLink, p.Name, fmt.Sprintf(format, a...), expected))
	}
	if !p.PodCIDR.IsValid() {
		return nil
	}
	for _, l := range s.network.Links {
		b := backendOf(l.Name)
		if l.Name != bridge && b == "" {
			continue
		}
		addr, ok := ipv4(l.Addrs)
		subnet := submatch(subnetLine, s.files[subnetEnv].Content)
		switch {
		case ok && !p.PodCIDR.Contains(addr.Addr()):
			add("an address in "+p.PodCIDR.String()+", or no such interface", "%s has the address %s", l.Name, addr)
		case l.Name == bridge && ok && !p.member(s):
			add("none before there is a cluster", "%s is there with the address %s", l.Name, addr)
		case l.Name == bridge && ok && subnet != "" && subnet != addr.String():
			add(subnet+", which flannel has for this host", "%s has the address %s", l.Name, addr)
		case b != "" && b != p.Backend && !(p.member(s) && b == submatch(backendLine, s.files[netConf].Content)):
			add("none but the "+p.Backend+" backend's", "%s is there, of flannel's %s backend", l.Name, b)
		}
	}
	return out
}

var (
	subnetLine  = regexp.MustCompile(`(?m)^FLANNEL_SUBNET=(\S+)$`)
	backendLine = regexp.MustCompile(`"Type": *"([a-z-]+)"`)
)

func submatch(re *regexp.Regexp, b []byte) string {
	if m := re.FindSubmatch(b); m != nil {
		return string(m[1])
	}
	return ""
}

// backendOf returns the backend of flannel that makes an interface of this
// name; "" if none does.
func backendOf(link string) string {
	name, ok := strings.CutPrefix(link, "flannel")
	switch {
	case !ok || name == "":
		return ""
	case strings.HasPrefix(name, "-wg"):
		return "wireguard"
	case name == ".ipip":
		return "ipip"
	case strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-v6."):
		return "vxlan"
	case strings.Trim(name, "0123456789") == "":
		return "udp"
	}
	return ""
}

// ipv4 returns the first IPv4 address of an interface.
func ipv4(addrs []string) (netip.Prefix, bool) {
	for _, a := range addrs {
		if n, err := netip.ParsePrefix(a); err == nil && n.Addr().Is4() {
			return n, true
		}
	}
	return netip.Prefix{}, false
}
