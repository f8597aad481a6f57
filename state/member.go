package state

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
)

// Member is the module that makes a host part of the cluster: its record
// names the cluster. On control-plane hosts the inventory stands beside it,
// so that a host which left the spec can still be found.
type Member struct {
	Cluster   Cluster
	Name      string      // of the host
	Inventory []HostEntry // nil where none is kept
	Keeper    *Keeper     // of this host; nil while only checking
}

// A HostEntry is a host as the inventory names it.
type HostEntry struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	SSH     string `json:"ssh"` // user@address:port
	HostKey string `json:"host_key"`
}

// membership is the item that the record stands for.
const membership = "cluster membership"

// Check compares the record's cluster and the inventory.
func (m *Member) Check(ctx context.Context, h host.Host) (modules.Diff, error) {
	files, err := h.Files(ctx, []host.FileQuery{{Path: RecordPath, Content: true}, {Path: InventoryPath, Content: true}})
	if err != nil {
		return nil, err
	}
	var d modules.Diff
	var have Record
	if files[0].Type != host.Absent {
		if err := json.Unmarshal(files[0].Content, &have); err != nil {
			return nil, fmt.Errorf("parse %s: %w", RecordPath, err)
		}
	}
	// The id is not compared: another cluster's is preflight's to refuse, and
	// a new one is not known before the apply.
	if have.Cluster.Name != m.Cluster.Name || have.Host != m.Name || !maps.Equal(have.Cluster.Immutable, m.Cluster.Immutable) {
		d = append(d, modules.Change{Kind: modules.Setting, Action: action(have.Cluster.Name), Item: membership,
			Have: have.Cluster.Name, Want: m.Cluster.Name})
	}
	if m.Inventory != nil && !bytes.Equal(files[1].Content, m.inventory()) {
		d = append(d, modules.Change{Kind: modules.Text, Action: action(string(files[1].Content)), Item: InventoryPath,
			Have: string(files[1].Content), Want: string(m.inventory())})
	}
	return d, nil
}

// Apply writes the record, then the inventory.
func (m *Member) Apply(ctx context.Context, h host.Host, d modules.Diff) error {
	if d.Touches(membership) {
		if err := m.Keeper.Join(ctx, m.Cluster, m.Name); err != nil {
			return err
		}
	}
	if !d.Touches(InventoryPath) {
		return nil
	}
	return h.WriteFile(ctx, host.FileSpec{Path: InventoryPath, Mode: 0o600, Content: m.inventory()})
}

// Items are all that the module may change, see modules.Owner.
func (m *Member) Items() []string {
	if m.Inventory == nil {
		return []string{membership}
	}
	return []string{membership, InventoryPath}
}

func (m *Member) inventory() []byte {
	b, err := json.MarshalIndent(struct {
		Version int         `json:"version"`
		Hosts   []HostEntry `json:"hosts"`
	}{1, m.Inventory}, "", "  ")
	if err != nil {
		panic(err) // strings always encode
	}
	return append(b, '\n')
}

func action(have string) modules.Action {
	if have == "" {
		return modules.Add
	}
	return modules.Update
}
