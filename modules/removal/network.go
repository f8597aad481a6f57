package removal

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// filters returns the query for parts that were not there before pmkctl.
func (m Clean) filters() host.FilterQuery {
	q := m.Footprints.Filters()
	return host.FilterQuery{Chains: slices.DeleteFunc(q.Chains, m.stood), Tables: slices.DeleteFunc(q.Tables, m.stood)}
}

// stood reports whether something of this name was in the network before
// pmkctl: others made it, and it stays.
func (m Clean) stood(name string) bool { return slices.Contains(m.Record.Network, name) }

// ofNetwork picks what belongs to the pod network. The interfaces of pods are
// ports of its bridge.
func (t *traces) ofNetwork(n host.Network, m Clean) {
	names := slices.DeleteFunc(m.Footprints.Links(), m.stood)
	for _, l := range n.Links {
		if slices.Contains(names, l.Name) {
			t.named = append(t.named, l.Name)
		}
		if l.Type == "veth" && slices.Contains(names, l.Master) {
			t.pods = append(t.pods, l.Name)
		}
	}
	slices.SortStableFunc(t.named, func(a, b string) int { return slices.Index(names, a) - slices.Index(names, b) })
	for _, r := range n.Routes {
		if !slices.Contains(t.links(), r.Dev) && r.Via != "" && within(r.Dst, m.podCIDR()) {
			t.routes = append(t.routes, r)
		}
	}
}

// podCIDR returns the network of the pods: routes to parts of it are of the
// pod network.
func (m Clean) podCIDR() string { return m.Record.Cluster.Immutable["pod_cidr"] }

// links returns the interfaces in the order of removal: a bridge goes after
// its ports.
func (t *traces) links() []string { return slices.Concat(t.pods, t.named) }

// within reports whether a destination is a part of a network. A route to
// all of it is not one that serves pods.
func within(dst, network string) bool {
	d, err1 := netip.ParsePrefix(dst)
	n, err2 := netip.ParsePrefix(network)
	return err1 == nil && err2 == nil && d.Bits() > n.Bits() && n.Contains(d.Addr())
}

// network returns what the components made in the kernel. It changes with
// every pod, so the amount stands in Why.
func (t traces) network() change.Diff {
	var d change.Diff
	add := func(item, why string) {
		d = append(d, change.Change{Kind: change.Network, Action: change.Remove, Item: item, Why: why})
	}
	if len(t.links()) > 0 {
		why := strings.Join(t.named, ", ")
		if n := len(t.pods); n > 0 {
			why = strings.TrimPrefix(fmt.Sprintf("%s, %d of pods", why, n), ", ")
		}
		add(linksItem, why)
	}
	if n := len(t.routes); n > 0 {
		add(routesItem, fmt.Sprintf("%d, to pods of other hosts", n))
	}
	if len(t.filters) > 0 {
		var parts []string
		for _, f := range t.filters {
			what := strings.TrimSpace(f.Kind + " " + f.Family + " " + f.Table)
			if !f.Whole && f.Chains > 0 {
				what += fmt.Sprintf(": %d chains", f.Chains)
			}
			parts = append(parts, what)
		}
		add(filtersItem, strings.Join(parts, "; "))
	}
	return d
}
