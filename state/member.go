package state

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// Member is the module that makes a host part of the cluster: its record
// names the cluster. On control-plane hosts the inventory stands beside it,
// so that a host which left the spec can still be found.
type Member struct {
	Cluster   Cluster
	Name      string      // of the host
	Inventory []HostEntry // the hosts of the spec; nil where none is kept
	Leaving   []string    // hosts that stay in the inventory until a Forget takes them out
	Keeper    *Keeper     // of this host; nil while only checking
}

// membership is the item that the record stands for.
const membership = "cluster membership"

// Check compares the record's cluster and the inventory.
func (m *Member) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	files, err := h.Files(ctx, []host.FileQuery{{Path: RecordPath, Content: true}, {Path: InventoryPath, Content: true}})
	if err != nil {
		return nil, err
	}
	var d change.Diff
	var have Record
	if files[0].Type != host.Absent {
		if err := json.Unmarshal(files[0].Content, &have); err != nil {
			return nil, fmt.Errorf("parse %s: %w", RecordPath, err)
		}
	}
	// The id is not compared: another cluster's is preflight's to refuse, and
	// a new one is not known before the apply.
	if have.Cluster.Name != m.Cluster.Name || have.Host != m.Name || !maps.Equal(have.Cluster.Immutable, m.Cluster.Immutable) {
		d = append(d, change.Change{Kind: change.Membership, Action: action(have.Cluster.Name), Item: membership,
			Have: have.Cluster.Name, Want: m.Cluster.Name, Why: m.missing(have)})
	}
	if want := m.inventory(files[1]); m.Inventory != nil && !bytes.Equal(files[1].Content, want) {
		d = append(d, change.Change{Kind: change.Text, Action: action(string(files[1].Content)), Item: InventoryPath,
			Have: string(files[1].Content), Want: string(want)})
	}
	return d, nil
}

// missing is why a record that an older pmkctl wrote is completed.
func (m *Member) missing(have Record) string {
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
func (m *Member) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if d.Touches(membership) {
		if err := m.Keeper.Join(ctx, m.Cluster, m.Name); err != nil {
			return err
		}
	}
	if !d.Touches(InventoryPath) {
		return nil
	}
	files, err := h.Files(ctx, []host.FileQuery{{Path: InventoryPath, Content: true}})
	if err != nil {
		return err
	}
	return h.WriteFile(ctx, host.FileSpec{Path: InventoryPath, Mode: 0o600, Content: m.inventory(files[0])})
}

// Items are all that the module may change, see modules.Owner.
func (m *Member) Items() []string {
	if m.Inventory == nil {
		return []string{membership}
	}
	return []string{membership, InventoryPath}
}

// inventory is what the file is to hold: the hosts of the spec, and of those
// that leave the ones that it still has.
func (m *Member) inventory(file host.File) []byte {
	have, err := parseInventory(file)
	if err != nil {
		have = nil // it is damaged: the spec's hosts are what is known
	}
	list := slices.Clone(m.Inventory)
	for _, e := range have {
		if slices.Contains(m.Leaving, e.Name) {
			list = append(list, e)
		}
	}
	return encodeInventory(list)
}

func action(have string) change.Action {
	if have == "" {
		return change.Add
	}
	return change.Update
}
