package run

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// readRecords reads from all hosts at once the record of their cluster and the
// run that has locked them. The probes use the result and need not ask again.
func (r *Run) readRecords(ctx context.Context) error {
	records, holders := map[string]*state.Record{}, map[string]*host.LockRequest{}
	var mu sync.Mutex
	err := r.conn.each(func(name string, s host.Session) error {
		var record *state.Record
		var holder *host.LockRequest
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() (err error) {
			if record, err = state.Load(ctx, s); err != nil || r.goal.cleans(r.cluster, name) {
				return err
			}
			return plan.RecallDomain(ctx, s, r.cluster, record)
		})
		g.Go(func() (err error) { holder, err = s.LockHolder(ctx); return err })
		err := g.Wait()
		mu.Lock()
		defer mu.Unlock()
		records[name] = record
		if holder != nil && holder.Run != r.id {
			holders[name] = holder
		}
		return err
	})
	r.world.Records = records
	r.world.Holder = func(_ context.Context, name string) (*host.LockRequest, error) { return holders[name], nil }
	return err
}

// readInventory reads the hosts of the cluster from the inventories on its
// control plane.
func (r *Run) readInventory(ctx context.Context) error {
	for _, h := range controlPlane(r.cluster) {
		s := r.conn.sessions[h.Name]
		if s == nil {
			continue
		}
		entries, err := state.ReadInventory(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		for _, e := range entries {
			if !slices.ContainsFunc(r.world.Inventory, func(have state.HostEntry) bool { return have.Name == e.Name }) {
				r.world.Inventory = append(r.world.Inventory, e)
			}
		}
	}
	return nil
}

func controlPlane(c *spec.Cluster) []*spec.Host {
	var hosts []*spec.Host
	for _, h := range c.Hosts {
		if h.Has(spec.ControlPlane) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// clusterID returns the id of the cluster that the spec names: by the record of
// a control-plane host, else by the records of all hosts, which must agree. It
// is "" if no host is a member.
func clusterID(c *spec.Cluster, records map[string]*state.Record) (string, error) {
	for _, h := range controlPlane(c) {
		if r := records[h.Name]; r != nil && r.Cluster.Name == c.Name {
			return r.Cluster.ID, nil
		}
	}
	members := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(records)) {
		if of := records[name].Cluster; of.Name == c.Name {
			members[of.ID] = append(members[of.ID], name)
		}
	}
	ids := slices.Sorted(maps.Keys(members))
	if len(ids) < 2 {
		return strings.Join(ids, ""), nil
	}
	var each []string
	for _, id := range ids {
		each = append(each, fmt.Sprintf("%.8s (%s)", id, strings.Join(members[id], ", ")))
	}
	return "", fmt.Errorf("the hosts are members of several clusters %s: %s; leave out by -exclude those that are not meant",
		c.Name, strings.Join(each, ", "))
}

// reassigned returns an error if the machine of a departing host has since
// joined another cluster, or this one under another name. No record means
// that an interrupted run already removed it: no error.
func reassigned(c *spec.Cluster, records map[string]*state.Record, name string) error {
	record := records[name]
	if record == nil || record.Cluster.ID == "" {
		return nil
	}
	for _, h := range controlPlane(c) {
		if own := records[h.Name]; own != nil && own.Cluster.ID != record.Cluster.ID {
			return fmt.Errorf("its machine is %s now", membership(record.Cluster))
		}
	}
	if record.Host != name {
		return fmt.Errorf("its machine is host %s of the cluster now", record.Host)
	}
	return nil
}

func membership(c state.Cluster) string {
	if c.ID == "" {
		return "no member of a cluster"
	}
	return fmt.Sprintf("a member of cluster %s (%.8s)", c.Name, c.ID)
}
