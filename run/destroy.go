package run

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/spec"
)

// destroy takes everything off all hosts of a cluster.
type destroy struct {
	members string // id of the cluster; set by gather
}

func (*destroy) destroys() bool { return true }

func (*destroy) canSpare(*spec.Host) bool { return true }

func (*destroy) cleans(*spec.Cluster, string) bool { return true }

// gather brings all hosts of the cluster into the run, and drops all other
// hosts: destroy does not touch them.
func (g *destroy) gather(ctx context.Context, r *Run) error {
	if err := r.unreachable(); err != nil {
		return err
	}
	if err := (&departures{Run: r}).add(ctx); err != nil {
		return err
	}
	if err := r.unreachable(); err != nil {
		return err
	}
	if len(r.world.Inventory) == 0 {
		r.Console.Note("No host of the spec has the inventory of the cluster: hosts that left the spec are not known.")
	}
	if err := r.readRecords(ctx); err != nil {
		return err
	}
	id, err := clusterID(r.cluster, r.world.Records)
	if err != nil {
		return err
	}
	g.members = id
	g.dropStrangers(r)
	return nil
}

func (g *destroy) dropStrangers(r *Run) {
	for _, name := range slices.Sorted(maps.Keys(r.world.Records)) {
		switch record := r.world.Records[name]; {
		case record.Cluster.ID == "":
			r.Console.Note("Host %s is no member of a cluster: it is left alone.", name)
		case record.Cluster.ID != g.members:
			r.Console.Note("Host %s is %s: it is left alone.", name, membership(record.Cluster))
		case record.Host != name:
			r.Console.Note("Host %s is %s by the name of %s: it is left alone.", name, membership(record.Cluster), record.Host)
		default:
			continue
		}
		r.world.Absent[name] = stranger
		r.conn.drop(name)
		delete(r.world.Records, name)
	}
}

func (g *destroy) confirm(r *Run) error {
	var moved []string
	for _, name := range slices.Sorted(maps.Keys(r.world.Records)) {
		if record := r.world.Records[name]; record.Cluster.ID != "" && (record.Cluster.ID != g.members || record.Host != name) {
			moved = append(moved, fmt.Sprintf("host %s is host %q and %s now", name, record.Host, membership(record.Cluster)))
		}
	}
	return refuseMoved(moved)
}

func (*destroy) immutable(*Run) hcl.Diagnostics { return nil }

func (*destroy) showPreflight(*Run, *executor.Checked) error { return nil } // nothing is probed

func (*destroy) show(r *Run, c *executor.Checked) error {
	if len(c.Pending()) > 0 {
		return r.showPlan(c)
	}
	r.Console.EmitPlan(c, r.cluster.AllHosts())
	return r.Console.Print("Nothing to destroy: no host is a member of cluster %s\n", r.cluster.Name)
}

func (*destroy) spared(r *Run) []string {
	var lines []string
	for _, h := range r.cluster.AllHosts() {
		if r.world.Absent[h.Name] == excluded {
			lines = append(lines, h.Name+" (left out)")
		}
	}
	return lines
}

func (*destroy) question(c *spec.Cluster) (question, consent string) {
	return "All of this goes, with all data in the cluster. To destroy it, type its name, " + c.Name + ": ", c.Name
}
