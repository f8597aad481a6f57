package state

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// A HostEntry is a host as the inventory names it.
type HostEntry struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	SSH     string `json:"ssh"` // user@address:port
	HostKey string `json:"host_key"`
}

// inventoryFile is what stands at InventoryPath.
type inventoryFile struct {
	Version int         `json:"version"`
	Hosts   []HostEntry `json:"hosts"`
}

// inventoryVersion is the version of its format.
const inventoryVersion = 1

// ReadInventory reads all hosts of the cluster as a control-plane host has
// them; none on a host that keeps no inventory.
func ReadInventory(ctx context.Context, h host.Reader) ([]HostEntry, error) {
	files, err := h.Files(ctx, []host.FileQuery{{Path: InventoryPath, Content: true}})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", InventoryPath, err)
	}
	return parseInventory(files[0])
}

func parseInventory(f host.File) ([]HostEntry, error) {
	if f.Type == host.Absent {
		return nil, nil
	}
	var have inventoryFile
	if err := json.Unmarshal(f.Content, &have); err != nil {
		return nil, fmt.Errorf("parse %s: %w; remove it, and the next apply writes it anew without the hosts that left the spec", InventoryPath, err)
	}
	if have.Version > inventoryVersion {
		return nil, fmt.Errorf("%s has version %d, this pmkctl knows %d: use a newer pmkctl", InventoryPath, have.Version, inventoryVersion)
	}
	for _, e := range have.Hosts {
		if !hostName.MatchString(e.Name) {
			return nil, fmt.Errorf("%s has a host %q, which is no name; remove it, and the next apply writes it anew without the hosts that left the spec", InventoryPath, e.Name)
		}
	}
	return have.Hosts, nil
}

// hostName is what the spec takes for one. A Node and a member of etcd are
// deleted by it, and without a name that would be all of them.
var hostName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func encodeInventory(hosts []HostEntry) []byte {
	b, err := json.MarshalIndent(inventoryFile{inventoryVersion, hosts}, "", "  ")
	if err != nil {
		panic(err) // strings always encode
	}
	return append(b, '\n')
}

// Forget is the module that takes a host out of the inventory, once nothing
// of it is left to find. It runs on a host that keeps one.
type Forget struct {
	Name   string
	Keeper *Keeper // of the host that keeps the inventory; nil while only checking
}

// Check looks for the host's entry.
func (f *Forget) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	hosts, err := ReadInventory(ctx, h)
	i := slices.IndexFunc(hosts, func(e HostEntry) bool { return e.Name == f.Name })
	if err != nil || i < 0 {
		return nil, err
	}
	return change.Diff{{Kind: change.Membership, Action: change.Remove, Item: f.Name + " in " + InventoryPath, Have: hosts[i].Address}}, nil
}

// Apply writes the inventory without the host.
func (f *Forget) Apply(ctx context.Context, _ host.Host, _ change.Diff) error {
	return f.Keeper.Forget(ctx, f.Name)
}

// Forget takes a host out of the inventory. Steps that do so for several
// hosts may run at once.
func (k *Keeper) Forget(ctx context.Context, name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	hosts, err := ReadInventory(ctx, k.Host)
	if err != nil {
		return err
	}
	content := encodeInventory(slices.DeleteFunc(hosts, func(e HostEntry) bool { return e.Name == name }))
	if err := k.Host.WriteFile(ctx, host.FileSpec{Path: InventoryPath, Mode: 0o600, Content: content}); err != nil {
		return fmt.Errorf("write %s: %w", InventoryPath, err)
	}
	// The record knows it as written by us, or it would pass for drift.
	if o, ours := k.record.Owns[InventoryPath]; ours {
		o.SHA256 = digest(string(content))
		k.record.Owns[InventoryPath] = o
	}
	return k.record.Save(ctx, k.Host)
}
