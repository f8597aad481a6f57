package hostcheck

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// What the network of pods meets on a host.
const (
	cniDir        = "/etc/cni/net.d"
	cniOurs       = "10-flannel.conflist"
	bridge        = "cni0"
	subnetEnv     = "/run/flannel/subnet.env"
	netConf       = "/etc/kube-flannel/net-conf.json"
	tunPath       = "/dev/net/tun"
	ufwConf       = "/etc/ufw/ufw.conf"
	firewalldUnit = "firewalld.service"
)

// cni looks for a configuration that containerd would take instead of ours:
// it takes the first by name.
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

// leftovers are interfaces of an earlier pod network that the new one would
// take for its own.
func (p Probe) leftovers(s *seen) (out []preflight.Finding) {
	add := func(expected, format string, a ...any) {
		out = append(out, preflight.NewFinding(preflight.LeftoverLink, p.Name, fmt.Sprintf(format, a...), expected))
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

// backendOf is the backend of flannel that makes an interface of this name.
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

// ipv4 is the first address of an interface that is one.
func ipv4(addrs []string) (netip.Prefix, bool) {
	for _, a := range addrs {
		if n, err := netip.ParsePrefix(a); err == nil && n.Addr().Is4() {
			return n, true
		}
	}
	return netip.Prefix{}, false
}

// routes looks for those that lead addresses of pods or services elsewhere.
// What a wider route leads to a gateway is no harm: the pod network's are
// more exact, and so it is with the default route.
func (p Probe) routes(s *seen) (out []preflight.Finding) {
	for _, net := range []struct {
		what  string
		cidr  netip.Prefix
		level change.Level // services are translated before they are routed
	}{{"pod", p.PodCIDR, change.Error}, {"service", p.ServiceCIDR, change.Warning}} {
		var taken, within []string
		for _, r := range s.network.Routes {
			dst, err := netip.ParsePrefix(r.Dst)
			switch {
			case err != nil || !net.cidr.IsValid() || !dst.Overlaps(net.cidr) || p.ownRoute(r):
			case dst.Bits() >= net.cidr.Bits():
				taken = append(taken, routeText(r))
			case r.Via == "" && dst.Bits() > 0:
				within = append(within, routeText(r))
			}
		}
		expected := fmt.Sprintf("no route into the %s network %s", net.what, net.cidr)
		if len(taken) > 0 {
			f := preflight.NewFinding(preflight.OverlappingRoute, p.Name, "the host has "+some(taken), expected)
			f.Level = net.level
			out = append(out, f)
		}
		if len(within) > 0 {
			f := preflight.NewFinding(preflight.OverlappingRoute, p.Name, fmt.Sprintf("the %s network %s lies within %s", net.what, net.cidr, some(within)), "a network of its own")
			f.Level = change.Warning
			out = append(out, f)
		}
	}
	return out
}

// ownRoute tells if a route is of the pod network.
func (p Probe) ownRoute(r host.NetRoute) bool {
	if r.Dev == bridge || backendOf(r.Dev) != "" || strings.HasPrefix(r.Dev, "veth") || r.Dev == "kube-ipvs0" {
		return true
	}
	return p.Backend == "host-gw" && slices.Contains(p.Members, r.Via)
}

func routeText(r host.NetRoute) string {
	if r.Via != "" {
		return fmt.Sprintf("%s via %s dev %s", r.Dst, r.Via, r.Dev)
	}
	return fmt.Sprintf("%s dev %s", r.Dst, r.Dev)
}

// some is a list that fits into a line.
func some(list []string) string {
	const most = 3
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}

// firewall tells what may be in the way. Whether it is, the probes of pairs
// find out, as far as hosts go; pods come later.
func (p Probe) firewall(s *seen) (out []preflight.Finding) {
	var found []string
	if s.units[firewalldUnit].Active == "active" {
		found = append(found, "firewalld is active")
	}
	if ufwEnabled.Match(s.files[ufwConf].Content) {
		found = append(found, "ufw is enabled")
	}
	var chains []string
	for _, c := range s.chains {
		does := c.Last
		if does == "" && c.Policy == "drop" {
			does = "drop"
		}
		if does != "" {
			chains = append(chains, fmt.Sprintf("%s %s %s (%s)", c.Family, c.Table, c.Name, does))
		}
	}
	if len(chains) > 0 {
		found = append(found, "what no rule accepts is stopped by "+some(chains))
	}
	if len(found) > 0 {
		out = append(out, preflight.NewFinding(preflight.Firewall, p.Name, strings.Join(found, "; "), "none, or one that lets the cluster's traffic pass"))
	}
	return out
}

var ufwEnabled = regexp.MustCompile(`(?mi)^\s*ENABLED=["']?yes`)

// resolver looks at the name servers that pods get from the host.
func (p Probe) resolver(s *seen) (out []preflight.Finding) {
	file := p.resolvConf()
	own := p.ResolvConf == "" || p.ResolvConf == s.facts.ResolvConf
	switch {
	case s.files[file].Type == host.Absent && (!own || len(s.facts.Resolvers) == 0):
		out = append(out, preflight.NewFinding(preflight.Resolver, p.Name, file+" is missing", "a file that names name servers"))
		out[0].Level = change.Error
	case !own:
	case len(s.facts.Resolvers) == 0:
		out = append(out, preflight.NewFinding(preflight.Resolver, p.Name, s.facts.ResolvConf+" names no name server", "one that pods can reach"))
	case !s.facts.InContainer() && !slices.ContainsFunc(s.facts.Resolvers, reachable):
		out = append(out, preflight.NewFinding(preflight.Resolver, p.Name, fmt.Sprintf("%s names %s alone", s.facts.ResolvConf, strings.Join(s.facts.Resolvers, ", ")), "a name server that pods can reach"))
	}
	return out
}

// resolvConf is the file that the kubelet hands to pods.
func (p Probe) resolvConf() string {
	if p.ResolvConf != "" {
		return p.ResolvConf
	}
	return "/etc/resolv.conf"
}

// reachable tells if a name server is not on the loopback, which in a pod is
// the pod's own.
func reachable(server string) bool {
	server, _, _ = strings.Cut(server, "%")
	a, err := netip.ParseAddr(server)
	return err == nil && !a.Unmap().IsLoopback() && !a.IsUnspecified()
}

// endpoint looks at the name by which hosts reach the API server.
func (p Probe) endpoint(s *seen) (out []preflight.Finding) {
	if p.Endpoint == "" {
		return nil
	}
	r := s.endpoint
	loopback := len(r.Addrs) > 0 && !slices.ContainsFunc(r.Addrs, reachable)
	switch {
	case len(r.Addrs) == 0:
		out = append(out, preflight.NewFinding(preflight.Endpoint, p.Name, fmt.Sprintf("%s has no address: %s", p.Endpoint, r.Err), "the API server's"))
	case loopback && !p.ControlPlane:
		out = append(out, preflight.NewFinding(preflight.Endpoint, p.Name, fmt.Sprintf("%s is %s, this host itself", p.Endpoint, strings.Join(r.Addrs, ", ")), "the API server's address"))
	}
	return out
}

// dockerUnit needs the containerd of its distribution.
const dockerUnit = "docker.service"

// runtime looks for a containerd that ours takes the place of.
func (p Probe) runtime(s *seen) (out []preflight.Finding) {
	u := s.units[runtimeUnit]
	if gone(u) || u.Active != "active" || p.ours(s, u) {
		return nil
	}
	found := fmt.Sprintf("%s is not pmkctl's (%s, %s)", runtimeUnit, u.Path, u.Active)
	if s.units[dockerUnit].Active == "active" {
		found += ", and " + dockerUnit + " uses it"
	}
	return append(out, preflight.NewFinding(preflight.ForeignRuntime, p.Name, found, "none: pmkctl's own takes its place"))
}
