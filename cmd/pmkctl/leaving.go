package main

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/state"
)

// readInventory reads all hosts of the cluster as its control plane has them.
func (w *work) readInventory(ctx context.Context) error {
	for _, h := range controlPlane(w.cluster) {
		s := w.conn.sessions[h.Name]
		if s == nil {
			continue
		}
		entries, err := state.ReadInventory(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		for _, e := range entries {
			if !slices.ContainsFunc(w.inventory, func(have state.HostEntry) bool { return have.Name == e.Name }) {
				w.inventory = append(w.inventory, e)
			}
		}
	}
	return nil
}

// beside are the hosts of the inventory that the spec does not have, as they
// can be reached.
func (w *work) beside() ([]*spec.Host, error) {
	var list []*spec.Host
	for _, e := range w.inventory {
		if hostNamed(w.cluster.Hosts, e.Name) != nil {
			continue
		}
		known := spec.Known{Name: e.Name, HostKey: e.HostKey}
		var ok bool
		var err error
		known.User, known.At, known.Port, ok = spec.KnownAs(e.SSH)
		if known.Address, err = netip.ParseAddr(e.Address); err != nil || !ok {
			return nil, fmt.Errorf("the inventory %s has host %s at %s by SSH as %s, which cannot be read", state.InventoryPath, e.Name, e.Address, cmp.Or(e.SSH, "nobody"))
		}
		list = append(list, w.cluster.HostOf(known))
	}
	return list, nil
}

func hostNamed(hosts []*spec.Host, name string) *spec.Host {
	for _, h := range hosts {
		if h.Name == name {
			return h
		}
	}
	return nil
}

// addLeaving takes the hosts of the inventory into the run that the spec does
// not have, but for those that are left out, and connects to them.
func (w *work) addLeaving(ctx context.Context, opts sshhost.Options) error {
	if err := w.readInventory(ctx); err != nil {
		return err
	}
	hosts, err := w.beside()
	if err != nil {
		return err
	}
	var dial []*spec.Host
	for _, h := range hosts {
		w.cluster.Leaving = append(w.cluster.Leaving, spec.Leaving{Host: h})
		if w.leavesOut(h.Name) {
			w.excluded = append(w.excluded, h.Name)
			w.note("Host %s is left out.", h.Name)
		} else {
			dial = append(dial, h)
		}
	}
	if err := w.knowsExcluded(w.cluster, w.cluster.Everyone()); err != nil || len(dial) == 0 {
		return err
	}
	w.conn.reach(ctx, dial, opts, w.progress.Event)
	return nil
}

// hasLeft tells if a host that a saved plan takes out of the cluster is out
// of it: its record goes with the last step there.
func (w *work) hasLeft(name string) bool {
	leaves := w.destroy || hostNamed(w.cluster.Hosts, name) == nil
	i := slices.IndexFunc(w.saved.Hosts, func(h saved.Host) bool { return h.Name == name })
	return leaves && i >= 0 && w.saved.Hosts[i].Record.ID != "" && w.records[name].Cluster.ID == ""
}

// allDone is the progress of a host that left, whose journal went with it.
func allDone(p *saved.Plan, name string) state.Progress {
	did := state.Progress{}
	for _, s := range p.Steps {
		if s.RunsOn() == name {
			did[string(s.Addr)] = state.Done
		}
	}
	return did
}
