package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

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
		} else if other := w.inPlaceOf(h); other != nil && !w.destroy { // whose record destroy reads
			w.conn.failed[h.Name] = fmt.Errorf("its address is that of host %s now", other.Name)
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

// inPlaceOf is the host of the spec that has the address of one that left it.
func (w *work) inPlaceOf(h *spec.Host) *spec.Host {
	for _, other := range w.cluster.Hosts {
		if other.Address == h.Address || other.SSH.Address == h.SSH.Address && other.SSH.Port == h.SSH.Port {
			return other
		}
	}
	return nil
}

// toLeave brings the hosts that are to leave into the run. One that cannot be
// reached is an error, unless a removed block gives it up.
func (w *work) toLeave(ctx context.Context, opts sshhost.Options) error {
	if err := w.addLeaving(ctx, opts); err != nil {
		return err
	}
	if err := w.diagnose(w.files, w.needlessRemoved()); err != nil {
		return err
	}
	if len(w.cluster.Leaving) == 0 {
		return nil
	}
	if err := w.readRecords(ctx); err != nil {
		return err
	}
	var lost, reused, who []string
	for i := range w.cluster.Leaving {
		l := &w.cluster.Leaving[i]
		name := l.Host.Name
		trouble, other := w.conn.failed[name], w.anotherNow(name)
		delete(w.conn.failed, name)
		given := w.cluster.RemovedOf(name)
		switch {
		case slices.Contains(w.excluded, name):
		case given != nil && given.Unreachable && errors.Join(trouble, other) == nil:
			w.note("Host %s answers after all: it is drained, stopped and cleaned.", name)
		case given != nil && given.Unreachable:
			w.giveUp(l, errors.Join(trouble, other))
		case trouble != nil:
			lost = append(lost, name)
			w.conn.failed[name] = trouble
		case other != nil:
			who, reused = append(who, name), append(reused, fmt.Sprintf("host %s is to leave the cluster, and %v", name, other))
		}
	}
	if len(lost) > 0 {
		return w.lost(lost)
	}
	if len(reused) > 0 {
		return refusedf("%s; nothing was changed there. To remove only its Node and its etcd member:\n%s", strings.Join(reused, "\n"), givenUp(who...))
	}
	return nil
}

// giveUp goes on without a host that will not come back.
func (w *work) giveUp(l *spec.Leaving, why error) {
	l.Unreachable = true
	w.conn.drop(l.Host.Name)
	delete(w.records, l.Host.Name)
	w.note("Host %s is given up (%v): what is on its disk stays there.", l.Host.Name, why)
}

// anotherNow tells if a machine that is to leave is no member of this cluster
// by this name any more. One without a record left before, in a run that was
// cut off.
func (w *work) anotherNow(name string) error {
	r := w.records[name]
	if r == nil || r.Cluster.ID == "" {
		return nil
	}
	for _, h := range controlPlane(w.cluster) {
		if own := w.records[h.Name]; own != nil && own.Cluster.ID != r.Cluster.ID {
			return fmt.Errorf("its machine is %s now", membership(r.Cluster))
		}
	}
	if r.Host != name {
		return fmt.Errorf("its machine is host %s of the cluster now", r.Host)
	}
	return nil
}

// needlessRemoved warns of removed blocks that have no effect: the host left,
// or there was none of that name.
func (w *work) needlessRemoved() hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, r := range w.cluster.Removed {
		if hostNamed(w.cluster.Everyone(), r.Name) != nil || w.conn.sessions[controlPlane(w.cluster)[0].Name] == nil {
			continue
		}
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Nothing to remove", Subject: r.Range.Ptr(),
			Detail: fmt.Sprintf("The cluster %q has no host %q: it left, or never was there. Delete this block.", w.cluster.Name, r.Name)})
	}
	return diags
}

// lost is the error for hosts that are to leave and cannot be reached, with
// the ways out.
func (w *work) lost(names []string) error {
	var lines []string
	for _, name := range names {
		lines = append(lines, "  "+w.conn.failed[name].Error())
	}
	return &exitError{exitUnreachable, fmt.Errorf("connect to %s, not in the spec any more and still in the cluster:\n%s\n"+
		"Start it, so that it can be drained and cleaned. If it will not come back, write into the spec:\n%s\nTo go on without a host for now: -exclude=%s",
		strings.Join(names, ", "), strings.Join(lines, "\n"), givenUp(names...), names[0])}
}

// givenUp are removed blocks for dead hosts, to be copied.
func givenUp(names ...string) string {
	var blocks []string
	for _, name := range names {
		blocks = append(blocks, fmt.Sprintf("  removed {\n    host        = %q\n    unreachable = true\n  }", name))
	}
	return strings.Join(blocks, "\n")
}

// showNotCleaned tells of hosts that leave, or are destroyed with the rest,
// without being touched.
func (w *work) showNotCleaned() error {
	var lines []string
	for _, l := range w.cluster.Leaving {
		if l.Unreachable {
			lines = append(lines, l.Host.Name+" (given up)")
		}
	}
	if w.destroy {
		for _, name := range w.excluded {
			if w.saved == nil || w.saved.Left[name] == "excluded" {
				lines = append(lines, name+" (left out)")
			}
		}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(w.out, "Not cleaned: %s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// stillLost lets go of the hosts that a saved plan does without, and refuses
// the plan if one of them is back: its kubelet would make the Node again.
func (w *work) stillLost(ctx context.Context) error {
	if err := w.readInventory(ctx); err != nil {
		return err
	}
	var back []string
	for _, l := range w.cluster.Leaving {
		if !l.Unreachable {
			continue
		}
		if s := w.conn.sessions[l.Host.Name]; s != nil {
			r, err := state.Load(ctx, s)
			if err == nil && r.Host == l.Host.Name && r.Cluster.Name == w.cluster.Name {
				back = append(back, l.Host.Name+": it was given up, and answers now")
			}
			w.conn.drop(l.Host.Name)
		}
		delete(w.conn.failed, l.Host.Name)
	}
	return w.stale(back)
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
			did[s.Addr] = state.Done
		}
	}
	return did
}
