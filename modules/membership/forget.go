package membership

import (
	"context"
	"slices"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/state"
)

// Forget is the module that takes a departed host out of the inventory, once
// there is nothing of it to find any more. It runs on a host that keeps an
// inventory.
type Forget struct{ Name string }

// Check looks for the host's entry.
func (m Forget) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	hosts, err := state.ReadInventory(ctx, h)
	i := slices.IndexFunc(hosts, m.is)
	if err != nil || i < 0 {
		return nil, err
	}
	return change.Diff{{Kind: change.Membership, Action: change.Remove, Item: m.Name + " in " + state.InventoryPath, Have: hosts[i].Address}}, nil
}

// Apply writes the inventory without the host. Steps may do so for several
// hosts at once: the keeper of the record lets one in at a time.
func (m Forget) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if len(d) == 0 {
		return nil
	}
	k, err := state.KeeperOf(ctx)
	if err != nil {
		return err
	}
	return k.Use(func(r *state.Record) error {
		hosts, err := state.ReadInventory(ctx, h)
		if err != nil {
			return err
		}
		content := state.EncodeInventory(slices.DeleteFunc(hosts, m.is))
		r.Wrote(state.InventoryPath, content)
		// The record goes first: after an interruption between the two, the next
		// run still finds the host in the inventory.
		if err := r.Save(ctx, h); err != nil {
			return err
		}
		return state.WriteInventory(ctx, h, content)
	})
}

func (m Forget) is(e state.HostEntry) bool { return e.Name == m.Name }
