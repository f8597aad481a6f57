package flannel

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// links are the interfaces that a backend leaves behind when flanneld stops.
var links = map[string][]string{
	"vxlan":     {"flannel.1", "flannel-v6.1"},
	"wireguard": {"flannel-wg", "flannel-wg-v6"},
	"ipip":      {"flannel.ipip"},
}

// clear stops flanneld and takes away the links and routes of a former
// backend: more exact than the new one's, its routes would swallow traffic.
func (m Module) clear(ctx context.Context, h host.Host, backend string) error {
	units, err := h.Units(ctx, []string{service})
	if err != nil {
		return err
	}
	if change.StateOf(units[0]).Runs() {
		if err := h.Unit(ctx, service, host.Stop); err != nil {
			return fmt.Errorf("stop %s: %w", service, err)
		}
	}
	network, err := h.Network(ctx)
	if err != nil {
		return err
	}
	for _, l := range network.Links {
		if slices.Contains(links[backend], l.Name) {
			if _, err := h.Run(ctx, []string{"ip", "link", "delete", l.Name}, nil); err != nil {
				return err
			}
		}
	}
	for _, r := range network.Routes {
		if backend == "host-gw" && m.remotePods(r) {
			if _, err := h.Run(ctx, []string{"ip", "route", "delete", r.Dst, "via", r.Via}, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// remotePods tells if a route leads to the pods of another host.
func (m Module) remotePods(r host.NetRoute) bool {
	dst, err := netip.ParsePrefix(r.Dst)
	return err == nil && r.Via != "" && dst.Bits() >= m.PodCIDR.Bits() && m.PodCIDR.Contains(dst.Addr())
}
