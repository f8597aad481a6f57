package removal

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// filters are what kube-proxy, the kubelet, flannel and the CNI plugins make
// in the packet filter, by iptables or by nftables.
var filters = host.FilterQuery{
	Chains: []string{"KUBE-", "FLANNEL-", "CNI-"},
	Tables: []string{"kube-proxy", "flannel-ipv4", "flannel-ipv6", "cni_hostport", "cni_plugins_masquerade"},
}

// links are the interfaces of the pod network. Those of pods are the ports
// of its bridge.
var links = []string{"cni0", "flannel.1", "flannel-v6.1", "flannel-wg", "flannel-wg-v6", "flannel.ipip", "flannel0", "kube-ipvs0"}

const bridge = "cni0"

// Networks names what is there of interfaces, tables and chains of such names
// before anything is installed: another user of CNI has some too.
func Networks(ctx context.Context, h host.Host) ([]string, error) {
	n, err := h.Network(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, l := range n.Links {
		if slices.Contains(links, l.Name) {
			names = append(names, l.Name)
		}
	}
	queries := []host.FilterQuery{{Tables: filters.Tables}}
	for _, prefix := range filters.Chains {
		queries = append(queries, host.FilterQuery{Chains: []string{prefix}})
	}
	for _, q := range queries {
		found, err := h.Filters(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if f.Whole {
				names = append(names, f.Table)
			}
		}
		if len(found) > 0 {
			names = append(names, q.Chains...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// filters are those that nobody else made.
func (m Clean) filters() host.FilterQuery {
	theirs := func(name string) bool { return slices.Contains(m.Network, name) }
	return host.FilterQuery{Chains: slices.DeleteFunc(slices.Clone(filters.Chains), theirs), Tables: slices.DeleteFunc(slices.Clone(filters.Tables), theirs)}
}

// ofNetwork picks what is the pod network's.
func (t *traces) ofNetwork(n host.Network, m Clean) {
	theirs := func(name string) bool { return slices.Contains(m.Network, name) }
	for _, l := range n.Links {
		if slices.Contains(links, l.Name) && !theirs(l.Name) {
			t.links = append(t.links, l.Name)
		}
		if l.Type == "veth" && l.Master == bridge && !theirs(bridge) {
			t.links = append(t.links, l.Name)
			t.pods++
		}
	}
	slices.SortStableFunc(t.links, func(a, b string) int { // bridges after their ports
		return slices.Index(links, a) - slices.Index(links, b)
	})
	for _, r := range n.Routes {
		if !slices.Contains(t.links, r.Dev) && r.Via != "" && within(r.Dst, m.PodCIDR) {
			t.routes = append(t.routes, r)
		}
	}
}

// within tells if a destination is a part of a network. A route to all of it
// is nobody's that serves pods.
func within(dst, network string) bool {
	d, err1 := netip.ParsePrefix(dst)
	n, err2 := netip.ParsePrefix(network)
	return err1 == nil && err2 == nil && d.Bits() > n.Bits() && n.Contains(d.Addr())
}

// network is what the components made in the kernel. It moves with every
// pod, so how much it is stands in Why.
func (t traces) network() change.Diff {
	var d change.Diff
	add := func(item, why string) {
		d = append(d, change.Change{Kind: change.Network, Action: change.Remove, Item: item, Why: why})
	}
	if len(t.links) > 0 {
		named := slices.DeleteFunc(slices.Clone(t.links), func(l string) bool { return !slices.Contains(links, l) })
		why := strings.Join(named, ", ")
		if t.pods > 0 {
			why = strings.TrimPrefix(fmt.Sprintf("%s, %d of pods", why, t.pods), ", ")
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
