package oshost

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// Network lists links, addresses and routes.
func (h *Host) Network(context.Context) (host.Network, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return host.Network{}, fmt.Errorf("list links: %w", err)
	}
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return host.Network{}, fmt.Errorf("list addresses: %w", err)
	}
	var n host.Network
	names := map[int]string{}
	at := map[int]int{}
	for i, l := range links {
		a := l.Attrs()
		names[a.Index], at[a.Index] = a.Name, i
	}
	for _, l := range links {
		a := l.Attrs()
		n.Links = append(n.Links, host.NetLink{Name: a.Name, Type: l.Type(), MTU: a.MTU,
			Up: a.Flags&net.FlagUp != 0, MAC: a.HardwareAddr.String(), Master: names[a.MasterIndex]})
	}
	for _, a := range addrs {
		if i, ok := at[a.LinkIndex]; ok {
			n.Links[i].Addrs = append(n.Links[i].Addrs, a.IPNet.String())
		}
	}
	n.Routes, err = routes(names)
	return n, err
}

// routes returns the routes of the main table.
func routes(names map[int]string) ([]host.NetRoute, error) {
	var out []host.NetRoute
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
		if err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		for _, r := range list {
			if r.Type != unix.RTN_UNICAST {
				continue
			}
			to := host.NetRoute{Dst: destination(r.Dst, family), Src: address(r.Src)}
			if len(r.MultiPath) == 0 {
				to.Via, to.Dev = address(r.Gw), names[r.LinkIndex]
				out = append(out, to)
			}
			for _, hop := range r.MultiPath {
				to.Via, to.Dev = address(hop.Gw), names[hop.LinkIndex]
				out = append(out, to)
			}
		}
	}
	return out, nil
}

func destination(n *net.IPNet, family int) string {
	switch {
	case n != nil:
		return n.String()
	case family == netlink.FAMILY_V6:
		return "::/0"
	}
	return "0.0.0.0/0"
}

func address(ip net.IP) string {
	if len(ip) == 0 {
		return ""
	}
	return ip.String()
}

// DeleteLink deletes an interface.
func (h *Host) DeleteLink(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l, err := netlink.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete interface %s: %w", name, err)
	}
	if err := netlink.LinkDel(l); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete interface %s: %w", name, err)
	}
	return nil
}

// DeleteRoute deletes a route of the main table.
func (h *Host) DeleteRoute(ctx context.Context, r host.NetRoute) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, dst, err := net.ParseCIDR(r.Dst)
	if err != nil {
		return fmt.Errorf("delete route: %w", err)
	}
	route := &netlink.Route{Dst: dst, Gw: net.ParseIP(r.Via), Table: unix.RT_TABLE_MAIN}
	l, err := netlink.LinkByName(r.Dev)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil // it was deleted with its interface
	}
	if err != nil {
		return fmt.Errorf("delete route to %s: %w", r.Dst, err)
	}
	route.LinkIndex = l.Attrs().Index
	if err := netlink.RouteDel(route); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("delete route to %s: %w", r.Dst, err)
	}
	return nil
}
