package hosttest

import (
	"context"
	"io/fs"
	"strings"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/keys"
)

// Keys implements host.Reader.
func (h *Host) Keys(ctx context.Context, paths []string) ([]host.Key, error) {
	var found []host.Key
	err := h.read(ctx, "Keys", strings.Join(paths, " "), func() error {
		for _, p := range paths {
			found = append(found, h.key(p))
		}
		return nil
	})
	return found, err
}

func (m *machine) key(p string) host.Key {
	n := m.tree.open(p)
	if n == nil || n.kind != host.Regular {
		return host.Key{Path: p}
	}
	public, err := keys.Public(n.content)
	if err != nil {
		return host.Key{Path: p}
	}
	return host.Key{Path: p, Public: public, Mode: n.mode, Owner: n.owner, Group: n.group}
}

// EnsureKey implements host.Writer.
func (h *Host) EnsureKey(ctx context.Context, k host.KeySpec) (host.Key, error) {
	var key host.Key
	err := h.change(ctx, "EnsureKey", k.Path, func() error {
		err := h.ensureKey(k)
		key = h.key(k.Path)
		return err
	})
	return key, err
}

func (m *machine) ensureKey(k host.KeySpec) error {
	owner, group, err := m.own(k.Owner, k.Group)
	if err != nil {
		return err
	}
	n := node{kind: host.Regular, mode: k.Mode, owner: owner, group: group, secret: true}
	if have := m.key(k.Path); have.Public != nil {
		old := m.tree.open(k.Path)
		if old.secret && have.Mode == k.Mode && have.Owner == owner && have.Group == group {
			return nil
		}
		n.content = old.content
	} else if n.content, err = keys.New(); err != nil {
		return err
	}
	return m.place(k.Path, owner, group, &n)
}

// Request implements host.Writer.
func (h *Host) Request(ctx context.Context, keyPath, commonName string) ([]byte, error) {
	var request []byte
	err := h.change(ctx, "Request", keyPath, func() error {
		key, err := h.content(keyPath)
		if err != nil {
			return err
		}
		request, err = keys.Request(key, commonName)
		return err
	})
	return request, err
}

// Sign implements host.Writer.
func (h *Host) Sign(ctx context.Context, r host.SignRequest) ([]byte, error) {
	var cert []byte
	err := h.change(ctx, "Sign", r.Profile.CommonName, func() error {
		key, err := h.content(r.KeyPath)
		if err != nil {
			return err
		}
		var signer []byte
		if r.CertPath != "" {
			if signer, err = h.content(r.CertPath); err != nil {
				return err
			}
		}
		cert, err = keys.Sign(key, signer, r, h.now())
		return err
	})
	return cert, err
}

func (m *machine) content(p string) ([]byte, error) {
	at, err := m.tree.resolve("open", p, true)
	if err != nil {
		return nil, err
	}
	n := m.tree.get(at)
	if n == nil || n.kind != host.Regular {
		return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	}
	return n.content, nil
}
