package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/state"
	"github.com/pmkctl/pmkctl/view/wording"
)

// stillGivenUp drops the hosts that the plan gave up. It refuses the plan if
// one of them answers: its kubelet would create the deleted Node again.
func (r *savedRun) stillGivenUp(ctx context.Context) error {
	if err := r.readInventory(ctx); err != nil {
		return err
	}
	var back []string
	for _, d := range r.cluster.Departing {
		if !d.Unreachable {
			continue
		}
		if s := r.conn.sessions[d.Host.Name]; s != nil {
			record, err := state.Load(ctx, s)
			if err == nil && record.Host == d.Host.Name && record.Cluster.Name == r.cluster.Name {
				back = append(back, d.Host.Name+": it was given up, and answers now")
			}
			r.conn.drop(d.Host.Name)
		}
		delete(r.conn.failed, d.Host.Name)
	}
	return r.stale(back)
}

// rekeyed turns the error of connecting into a refusal if a host has another
// SSH key than when the plan was made. A key that is only missing in
// known_hosts stays an ordinary error.
func (r *savedRun) rekeyed(err error) error {
	for _, was := range r.plan.Hosts {
		e := (*sshhost.Error)(nil)
		ofHost := errors.As(r.conn.failed[was.Name], &e) && !strings.HasPrefix(e.Host, "bastion of ")
		if ofHost && e.Offered != "" && e.Offered != was.HostKey {
			return refusedf("%w\nThe saved plan is for the host that answered then; nothing was changed", err)
		}
	}
	return err
}

// sameHosts refuses the plan if a host is not the one that the plan was made
// for.
func (r *savedRun) sameHosts(ctx context.Context) error {
	now, err := r.answered(ctx)
	if err != nil {
		return err
	}
	var moved []string
	for _, was := range r.plan.Hosts {
		i := slices.IndexFunc(now, func(h saved.Host) bool { return h.Name == was.Name })
		if i < 0 {
			return refusedf("the plan is for a host %s that its spec does not have", was.Name)
		}
		moved = append(moved, movedHost(was, now[i])...)
	}
	return r.stale(moved)
}

func movedHost(was, is saved.Host) []string {
	var moved []string
	for _, f := range []struct{ what, was, is string }{
		{"host key", was.HostKey, is.HostKey}, {"machine-id", was.MachineID, is.MachineID}} {
		if f.was != f.is {
			moved = append(moved, fmt.Sprintf("%s: its %s was %s, is %s", was.Name, f.what, f.was, f.is))
		}
	}
	return moved
}

// stale refuses the plan if anything has changed since it was made.
func (r *savedRun) stale(moved []string) error {
	if len(moved) == 0 {
		return nil
	}
	return refusedf("the plan of %s is stale; nothing was changed. Since then moved:\n  %s\nPlan again, and review what it says.",
		wording.When(r.plan.Made), strings.Join(moved, "\n  "))
}

// movedRecords returns a line for each host whose record names another cluster
// than when the plan was made, and for each difference that a live cluster
// cannot take. A record that the plan itself wrote is expected.
func (r *savedRun) movedRecords(did journals) []string {
	var moved []string
	for _, was := range r.plan.Hosts {
		is := r.world.Records[was.Name].Cluster
		_, begun := did[was.Name][address.Of("member", was.Name)]
		switch {
		case begun && was.Record.ID == "" && is.Name == r.cluster.Name:
		case r.wasCleaned(was.Name):
		case is.ID != was.Record.ID || is.Name != was.Record.Name:
			moved = append(moved, fmt.Sprintf("%s: it was %s, is %s", was.Name, membership(was.Record), membership(is)))
		}
	}
	for _, d := range r.goal.immutable(r.Run) {
		moved = append(moved, d.Detail)
	}
	return moved
}
