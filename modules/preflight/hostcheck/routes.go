package hostcheck

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// routes finds routes that lead addresses of pods or services elsewhere. A
// wider route through a gateway, such as the default route, does no harm,
// because the pod network's own routes are more specific.
func (p Probe) routes(s *seen) (out []preflight.Finding) {
	for _, net := range []struct {
		what  string
		cidr  netip.Prefix
		level preflight.Level // services are translated before they are routed
	}{{"pod", p.PodCIDR, preflight.Error}, {"service", p.ServiceCIDR, preflight.Warning}} {
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
			f.Level = preflight.Warning
			out = append(out, f)
		}
	}
	return out
}

// ownRoute reports whether a route belongs to the pod network.
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

// some joins the first of a list, such that they fit into a line.
func some(list []string) string {
	const most = 3
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}
