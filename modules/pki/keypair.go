package pki

import (
	"context"
	"fmt"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// KeyPair is a private key, and a file with its public half. The API server signs
// service account tokens with one.
type KeyPair struct {
	Key    host.KeySpec
	Public string // path; PKIX, PEM
}

// ServiceAccounts returns the key pair that signs and verifies service account
// tokens. API server and controller-manager read the key.
func ServiceAccounts() KeyPair {
	return KeyPair{Key: host.KeySpec{Path: Dir + "sa.key", Mode: 0o640, Group: "kube"}, Public: Dir + "sa.pub"}
}

// Check compares the key's mode and owner, and the public file.
func (m KeyPair) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	files, keys, err := read(ctx, h, []string{m.Public}, []string{m.Key.Path})
	if err != nil {
		return nil, err
	}
	file, key := files[0], keys[0]
	d := diffKey(m.Key, key)
	if len(key.Public) > 0 {
		return append(d, m.file(key).Diff([]host.File{file})...), nil
	}
	c := change.Change{Kind: change.Text, Action: change.Add, Item: m.Public, Why: "the public half of " + m.Key.Path, Generated: true}
	if file.Type != host.Absent {
		c.Action, c.Have = change.Update, string(file.Content)
	}
	return append(d, c), nil
}

// Apply makes the key, then the file with its public half.
func (m KeyPair) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if len(d) == 0 {
		return nil
	}
	key, err := h.EnsureKey(ctx, m.Key)
	if err != nil {
		return fmt.Errorf("make key %s: %w", m.Key.Path, err)
	}
	return m.file(key).Apply(ctx, h, d)
}

// Owns returns all items that the module may change, see modules.Owner.
func (m KeyPair) Owns() []string { return []string{m.Key.Path, m.Public} }

func (m KeyPair) file(key host.Key) resource.Files {
	return resource.Files{Files: []host.FileSpec{{Path: m.Public, Mode: 0o644, Content: key.Public}}}
}
