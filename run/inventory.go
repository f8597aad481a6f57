package run

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"

	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// add brings the hosts into the run that are in the inventory and not in the
// spec, and connects to them. Excluded ones are not connected to.
func (d *departures) add(ctx context.Context) error {
	if err := d.readInventory(ctx); err != nil {
		return err
	}
	hosts, err := departing(d.cluster, d.world.Inventory)
	if err != nil {
		return err
	}
	var dial []*spec.Host
	for _, h := range hosts {
		d.cluster.Departing = append(d.cluster.Departing, spec.Departing{Host: h})
		if d.excludes(h.Name) {
			d.world.Absent[h.Name] = excluded
			d.noteExcluded(h)
		} else if other := successor(d.cluster, h); other != nil && !d.goal.cleans(d.cluster, other.Name) {
			d.conn.failed[h.Name] = fmt.Errorf("its address is that of host %s now", other.Name)
		} else {
			dial = append(dial, h)
		}
	}
	if err := d.checkExclude(d.cluster, d.cluster.AllHosts()); err != nil || len(dial) == 0 {
		return err
	}
	d.conn.reach(ctx, dial)
	return nil
}

// departing returns the hosts that are in the inventory and not in the spec,
// with the SSH logins to reach them.
func departing(c *spec.Cluster, inventory []state.HostEntry) ([]*spec.Host, error) {
	var list []*spec.Host
	for _, e := range inventory {
		if hostNamed(c.Hosts, e.Name) != nil {
			continue
		}
		known := spec.Known{Name: e.Name, HostKey: e.HostKey}
		var ok bool
		var err error
		known.User, known.At, known.Port, ok = spec.KnownAs(e.SSH)
		if known.Address, err = netip.ParseAddr(e.Address); err != nil || !ok {
			return nil, fmt.Errorf("the inventory %s has host %s at %s by SSH as %s, which cannot be read", state.InventoryPath, e.Name, e.Address, cmp.Or(e.SSH, "nobody"))
		}
		list = append(list, c.HostOf(known))
	}
	return list, nil
}

// successor returns the host of the spec that has the address of a departing
// host; nil if there is none.
func successor(c *spec.Cluster, departing *spec.Host) *spec.Host {
	for _, h := range c.Hosts {
		if h.Address == departing.Address || h.SSH.Address == departing.SSH.Address && h.SSH.Port == departing.SSH.Port {
			return h
		}
	}
	return nil
}
