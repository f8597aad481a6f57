package membership

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/state"
)

// Member is the module that makes a host part of the cluster: its record
// names the cluster. On control-plane hosts the inventory stands beside it,
// so that a host that is no longer in the spec can still be found.
type Member struct {
	Cluster   state.Cluster
	Name      string            // of the host
	Inventory []state.HostEntry // the hosts of the spec; nil where no inventory is kept
	Departing []string          // hosts that stay in the inventory until a Forget takes them out

	Footprints modules.Footprints // of what may be installed on it
}

// Check compares the record's cluster and the inventory.
func (m Member) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	var have *state.Record
	var inventory host.File
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { have, err = state.Load(ctx, h); return err })
	g.Go(func() (err error) { inventory, err = state.InventoryFile(ctx, h); return err })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var d change.Diff
	// The id is not compared: preflight refuses the id of another cluster, and
	// a new one is not known before the apply.
	if have.Cluster.Name != m.Cluster.Name || have.Host != m.Name || !maps.Equal(have.Cluster.Immutable, m.Cluster.Immutable) {
		d = append(d, change.Change{Kind: change.Membership, Action: action(have.Cluster.Name), Item: state.Membership,
			Have: have.Cluster.Name, Want: m.Cluster.Name, Why: m.missing(have)})
	}
	if want := m.inventory(inventory); m.Inventory != nil && !bytes.Equal(inventory.Content, want) {
		d = append(d, change.Change{Kind: change.Text, Action: action(string(inventory.Content)), Item: state.InventoryPath,
			Have: string(inventory.Content), Want: string(want)})
	}
	return d, nil
}

// missing is why a record that an older pmkctl wrote is completed.
func (m Member) missing(have *state.Record) string {
	var fields []string
	for _, f := range slices.Sorted(maps.Keys(m.Cluster.Immutable)) {
		if _, ok := have.Cluster.Immutable[f]; !ok && have.Cluster.Immutable != nil {
			fields = append(fields, f)
		}
	}
	if fields == nil {
		return ""
	}
	return "its record does not have " + strings.Join(fields, ", ") + " yet"
}

// Apply writes the record, then the inventory.
func (m Member) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if d.Touches(state.Membership) {
		k, err := state.KeeperOf(ctx)
		if err != nil {
			return err
		}
		if err := k.Use(func(r *state.Record) error { return m.join(ctx, h, r) }); err != nil {
			return err
		}
	}
	if !d.Touches(state.InventoryPath) {
		return nil
	}
	have, err := state.InventoryFile(ctx, h)
	if err != nil {
		return err
	}
	return state.WriteInventory(ctx, h, m.inventory(have))
}

// join completes the record of a host that becomes a member. What stood on
// the host is noted before anything is installed, and only then.
func (m Member) join(ctx context.Context, h host.Host, r *state.Record) (err error) {
	if r.Cluster.ID == "" {
		if r.Stood, err = stood(ctx, h, m.Footprints); err != nil {
			return err
		}
	}
	r.Cluster, r.Host = m.Cluster, m.Name
	return r.Save(ctx, h)
}

// Owns returns all items that the module may change, see modules.Owner.
func (m Member) Owns() []string {
	if m.Inventory == nil {
		return []string{state.Membership}
	}
	return []string{state.Membership, state.InventoryPath}
}

// inventory returns what the file is to hold: the hosts of the spec, and
// those departing hosts that it still has.
func (m Member) inventory(file host.File) []byte {
	have, err := state.ParseInventory(file)
	if err != nil {
		have = nil // it is damaged: only the spec's hosts are known
	}
	list := slices.Clone(m.Inventory)
	for _, e := range have {
		if slices.Contains(m.Departing, e.Name) {
			list = append(list, e)
		}
	}
	return state.EncodeInventory(list)
}

func action(have string) change.Action {
	if have == "" {
		return change.Add
	}
	return change.Update
}
