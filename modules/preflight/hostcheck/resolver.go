package hostcheck

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// resolver judges the name servers that pods get from the host.
func (p Probe) resolver(s *seen) (out []preflight.Finding) {
	file := p.resolvConf()
	own := p.ResolvConf == "" || p.ResolvConf == s.facts.ResolvConf
	switch {
	case s.files[file].Type == host.Absent && (!own || len(s.facts.Resolvers) == 0):
		out = append(out, preflight.NewFinding(preflight.Resolver, p.Name, file+" is missing", "a file that names name servers"))
		out[0].Level = preflight.Error
	case !own:
	case len(s.facts.Resolvers) == 0:
		out = append(out, preflight.NewFinding(preflight.Resolver, p.Name, s.facts.ResolvConf+" names no name server", "one that pods can reach"))
	case !s.facts.InContainer() && !slices.ContainsFunc(s.facts.Resolvers, reachable):
		out = append(out, preflight.NewFinding(preflight.Resolver, p.Name, fmt.Sprintf("%s names %s alone", s.facts.ResolvConf, strings.Join(s.facts.Resolvers, ", ")), "a name server that pods can reach"))
	}
	return out
}

// resolvConf returns the file that the kubelet gives to pods.
func (p Probe) resolvConf() string {
	if p.ResolvConf != "" {
		return p.ResolvConf
	}
	return "/etc/resolv.conf"
}

// reachable reports whether pods can reach an address: it is not on the
// loopback, which in a pod is the pod's own.
func reachable(server string) bool {
	server, _, _ = strings.Cut(server, "%")
	a, err := netip.ParseAddr(server)
	return err == nil && !a.Unmap().IsLoopback() && !a.IsUnspecified()
}

// endpoint judges what the name of the API server resolves to on the host.
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
