package run

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/spec"
)

// departures bring the departing hosts into a run, and note those that stop it.
type departures struct {
	*Run
	lost, causes   []string // hosts that cannot be reached, and the reasons
	reused, others []string // hosts whose machine has another use by now, and which
}

// bring brings the departing hosts into the run. A host that cannot be reached
// is an error, unless a removed block gives it up.
func (d *departures) bring(ctx context.Context) error {
	if err := d.add(ctx); err != nil {
		return err
	}
	if d.conn.sessions[controlPlane(d.cluster)[0].Name] != nil {
		if err := Diagnose(d.Console, d.files, needlessRemoved(d.cluster)); err != nil {
			return err
		}
	}
	if len(d.cluster.Departing) == 0 {
		return nil
	}
	if err := d.readRecords(ctx); err != nil {
		return err
	}
	for i := range d.cluster.Departing {
		d.settle(&d.cluster.Departing[i])
	}
	return d.err()
}

// settle decides about one departing host: it takes part in the run, or is
// given up, or stops the run.
func (d *departures) settle(l *spec.Departing) {
	name := l.Host.Name
	lost, other := d.conn.failed[name], reassigned(d.cluster, d.world.Records, name)
	removed := d.cluster.RemovedOf(name)
	mayGiveUp := removed != nil && removed.Unreachable
	delete(d.conn.failed, name)
	switch {
	case d.world.Absent[name] == excluded:
	case mayGiveUp && errors.Join(lost, other) == nil:
		d.Console.Note("Host %s answers after all: it is drained, stopped and cleaned.", name)
	case mayGiveUp:
		d.giveUp(l, errors.Join(lost, other))
	case lost != nil:
		d.lost, d.causes = append(d.lost, name), append(d.causes, "  "+lost.Error())
		d.conn.failed[name] = lost
	case other != nil:
		d.reused = append(d.reused, name)
		d.others = append(d.others, fmt.Sprintf("host %s is to leave the cluster, and %v", name, other))
	}
}

// giveUp goes on without a host that will not come back.
func (d *departures) giveUp(l *spec.Departing, why error) {
	l.Unreachable = true
	d.conn.drop(l.Host.Name)
	delete(d.world.Records, l.Host.Name)
	d.Console.Note("Host %s is given up (%v): what is on its disk stays there.", l.Host.Name, why)
}

// err returns the error that names the hosts that stop the run, with advice.
func (d *departures) err() error {
	switch {
	case len(d.lost) > 0:
		return &Error{Unreachable, fmt.Errorf("connect to %s, not in the spec any more and still in the cluster:\n%s\n"+
			"Start it, so that it can be drained and cleaned. If it will not come back, write into the spec:\n%s\nTo go on without a host for now: -exclude=%s",
			strings.Join(d.lost, ", "), strings.Join(d.causes, "\n"), removedBlocks(d.lost), d.lost[0])}
	case len(d.reused) > 0:
		return refusedf("%s; nothing was changed there. To remove only its Node and its etcd member:\n%s", strings.Join(d.others, "\n"), removedBlocks(d.reused))
	}
	return nil
}

// needlessRemoved warns of removed blocks without effect: the host is no longer
// in the cluster, or never was.
func needlessRemoved(c *spec.Cluster) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, b := range c.Removed {
		if hostNamed(c.AllHosts(), b.Name) != nil {
			continue
		}
		diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Nothing to remove", Subject: b.Range.Ptr(),
			Detail: fmt.Sprintf("The cluster %q has no host %q: it left, or never was there. Delete this block.", c.Name, b.Name)})
	}
	return diags
}

// removedBlocks returns removed blocks for dead hosts, for the user to copy.
func removedBlocks(names []string) string {
	var blocks []string
	for _, name := range names {
		blocks = append(blocks, fmt.Sprintf("  removed {\n    host        = %q\n    unreachable = true\n  }", name))
	}
	return strings.Join(blocks, "\n")
}
