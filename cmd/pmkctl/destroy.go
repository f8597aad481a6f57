package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/view"
)

func (a *app) destroyCommand() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:   "destroy [SPEC]",
		Short: "Take everything that pmkctl installed off all hosts; asks for the cluster's name",
		Long: "Take everything that pmkctl installed off all hosts of the spec, and off those that left it and were not removed yet.\n" +
			"What stood there before is put back. pmkctl plan -destroy shows the same, and saves it.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if namesPlan(args) {
				return fmt.Errorf("%s is a saved plan: pmkctl apply does what it says", args[0])
			}
			a.flags.destroy = true
			return a.apply(cmd, args, f)
		},
	}
	a.changeFlags(cmd, &f)
	return a.eventFlags(a.hostFlags(cmd), true)
}

// toDestroy brings all hosts of the cluster into the run, and no others.
func (w *work) toDestroy(ctx context.Context, opts sshhost.Options) error {
	if err := w.unreachable(); err != nil {
		return err
	}
	if err := w.addLeaving(ctx, opts); err != nil {
		return err
	}
	if err := w.unreachable(); err != nil {
		return err
	}
	if len(w.inventory) == 0 {
		w.note("No host of the spec has the inventory of the cluster: hosts that left the spec are not known.")
	}
	return w.onlyMembers(ctx)
}

// onlyMembers leaves the hosts of the cluster in the run, and lets go of
// those that are not its members: destroy does not touch them.
func (w *work) onlyMembers(ctx context.Context) error {
	if err := w.readRecords(ctx); err != nil {
		return err
	}
	id, err := w.clusterID()
	if err != nil {
		return err
	}
	w.members = id
	for _, name := range slices.Sorted(maps.Keys(w.records)) {
		switch r := w.records[name]; {
		case r.Cluster.ID == "":
			w.note("Host %s is no member of a cluster: it is left alone.", name)
		case r.Cluster.ID != id:
			w.note("Host %s is %s: it is left alone.", name, membership(r.Cluster))
		case r.Host != name:
			w.note("Host %s is %s by the name of %s: it is left alone.", name, membership(r.Cluster), r.Host)
		default:
			continue
		}
		w.alone = append(w.alone, name)
		w.conn.drop(name)
		delete(w.records, name)
	}
	return nil
}

// stillMembers refuses hosts that are to be cleaned and became another
// cluster's, or another host of this one, since it was asked whose they are: a
// human may have taken hours to approve, and what would be removed looks alike
// on all clusters.
func (w *work) stillMembers() error {
	var moved []string
	if w.destroy {
		for _, name := range slices.Sorted(maps.Keys(w.records)) {
			if r := w.records[name]; r.Cluster.ID != "" && (r.Cluster.ID != w.members || r.Host != name) {
				moved = append(moved, fmt.Sprintf("host %s is host %q and %s now", name, r.Host, membership(r.Cluster)))
			}
		}
	} else {
		for _, l := range w.cluster.Leaving {
			if err := w.anotherNow(l.Host.Name); err != nil {
				moved = append(moved, fmt.Sprintf("host %s is to leave the cluster, and %v", l.Host.Name, err))
			}
		}
	}
	if len(moved) == 0 {
		return nil
	}
	return refusedf("%s; nothing was changed, plan again", strings.Join(moved, "\n"))
}

// clusterID is that of the cluster which the spec names, as its control plane
// has it, else as all hosts have it; "" if none does.
func (w *work) clusterID() (string, error) {
	for _, h := range controlPlane(w.cluster) {
		if r := w.records[h.Name]; r != nil && r.Cluster.Name == w.cluster.Name {
			return r.Cluster.ID, nil
		}
	}
	ids := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(w.records)) {
		if c := w.records[name].Cluster; c.Name == w.cluster.Name {
			ids[c.ID] = append(ids[c.ID], name)
		}
	}
	if len(ids) > 1 {
		var each []string
		for _, id := range slices.Sorted(maps.Keys(ids)) {
			each = append(each, fmt.Sprintf("%.8s (%s)", id, strings.Join(ids[id], ", ")))
		}
		return "", fmt.Errorf("the hosts are members of several clusters %s: %s; leave out by -exclude those that are not meant",
			w.cluster.Name, strings.Join(each, ", "))
	}
	for id := range ids {
		return id, nil
	}
	return "", nil
}

// showDestroy prints what goes, and what stays.
func (w *work) showDestroy(c *executor.Checked) error {
	w.tellPlan(c)
	if len(c.Pending()) == 0 {
		_, err := fmt.Fprintf(w.out, "Nothing to destroy: no host is a member of cluster %s\n", w.cluster.Name)
		return err
	}
	if err := view.Plan(w.out, c, w.names(), w.style(w.out)); err != nil {
		return err
	}
	return w.showNotCleaned()
}
