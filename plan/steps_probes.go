package plan

import (
	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/modules/preflight/reach"
	"github.com/pmkctl/pmkctl/spec"
)

// probes adds the checks that change nothing, and the gate. All changes come after
// the gate.
func (b *builder) probes() {
	var after []address.Addr
	for _, h := range b.hosts {
		after = append(after, b.addProbe("preflight", h, b.hostProbe(h)))
	}
	b.out.report = modules.NewValue[*preflight.Report](Connectivity)
	after = append(after, b.addProbe(Connectivity.Module, nil, b.connectivity()))
	b.add(Gate.Module, nil, nil, after...)
}

func (b *builder) addProbe(name string, h *spec.Host, p Probe) address.Addr {
	s := b.add(name, h, nil)
	s.Probe = p
	return s.Addr
}

// connectivity returns the probe over all pairs of hosts.
func (b *builder) connectivity() reach.Connectivity {
	c := reach.Connectivity{
		Hosts: map[string]host.Host{}, Addresses: map[string]string{}, Ports: map[string][]preflight.Port{}, Edges: Edges(b.Cluster),
		Absent: map[string]string{}, Wait: b.Preflight.DialTimeout, ClockSkew: b.Preflight.ClockSkew, Levels: b.Preflight.Levels,
		Overhead: overheads[b.Network.Backend], Routed: b.Network.Backend == "host-gw",
		Holder: b.world.Holder, Report: b.out.report,
	}
	for _, h := range b.Hosts {
		c.Addresses[h.Name] = h.Address.String()
		c.Ports[h.Name] = Ports(b.Cluster, h)
		if live, reached := b.world.Hosts[h.Name]; reached {
			c.Hosts[h.Name] = live
		} else {
			c.Absent[h.Name] = b.world.Absent[h.Name]
		}
	}
	return c
}
