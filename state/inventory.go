package state

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/pmkctl/pmkctl/host"
)

// A HostEntry is a host as the inventory names it.
type HostEntry struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	SSH     string `json:"ssh"` // user@address:port
	HostKey string `json:"host_key"`
}

// inventoryFile is the content of the file at InventoryPath.
type inventoryFile struct {
	Version int         `json:"version"`
	Hosts   []HostEntry `json:"hosts"`
}

// inventoryVersion is the version of its format.
const inventoryVersion = 1

// InventoryFile reads the file with its content.
func InventoryFile(ctx context.Context, h host.Reader) (host.File, error) {
	files, err := h.Files(ctx, []host.FileQuery{{Path: InventoryPath, Content: true}})
	if err != nil {
		return host.File{}, fmt.Errorf("read %s: %w", InventoryPath, err)
	}
	return files[0], nil
}

// ReadInventory reads all hosts of the cluster as a control-plane host has
// them. On a host that keeps no inventory there are none.
func ReadInventory(ctx context.Context, h host.Reader) ([]HostEntry, error) {
	f, err := InventoryFile(ctx, h)
	if err != nil {
		return nil, err
	}
	return ParseInventory(f)
}

// ParseInventory reads the hosts from what InventoryFile returned.
func ParseInventory(f host.File) ([]HostEntry, error) {
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

// hostName matches the names that a spec may have. Nodes and members of etcd
// are deleted by name, and an empty name would stand for all of them.
var hostName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// EncodeInventory returns the content of the file.
func EncodeInventory(hosts []HostEntry) []byte {
	b, err := json.MarshalIndent(inventoryFile{inventoryVersion, hosts}, "", "  ")
	if err != nil {
		panic(err) // strings always encode
	}
	return append(b, '\n')
}

// WriteInventory writes content that EncodeInventory made.
func WriteInventory(ctx context.Context, h host.FileWriter, content []byte) error {
	if err := h.WriteFile(ctx, host.FileSpec{Path: InventoryPath, Mode: 0o600, Content: content}); err != nil {
		return fmt.Errorf("write %s: %w", InventoryPath, err)
	}
	return nil
}
