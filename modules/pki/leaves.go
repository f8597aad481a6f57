package pki

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
)

// Leaf is a certificate with its key, on the host that uses both.
type Leaf struct {
	Key     host.KeySpec
	Cert    string // path
	CA      string // Cluster, Etcd or FrontProxy
	Profile host.CertProfile
}

// Leaves are the certificates of one host.
type Leaves struct {
	Leaves []Leaf
	CAs    map[string]Authority // by name
}

// atOnce is how many certificates are made at a time. One takes four calls, each a
// round trip.
const atOnce = 4

// Check reads all certificates and the public halves of all keys in one round trip,
// and returns what is wrong with each.
func (m Leaves) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	var certs, paths []string
	for _, l := range m.Leaves {
		certs, paths = append(certs, l.Cert), append(paths, l.Key.Path)
	}
	files, keys, err := read(ctx, h, certs, paths)
	if err != nil {
		return nil, err
	}
	at, err := now(ctx, h)
	if err != nil {
		return nil, err
	}
	var d change.Diff
	for i, l := range m.Leaves {
		c, err := m.diff(ctx, l, keys[i], files[i], at)
		if err != nil {
			return nil, err
		}
		d = append(d, c...)
	}
	return d, nil
}

func (m Leaves) diff(ctx context.Context, l Leaf, key host.Key, file host.File, at time.Time) (change.Diff, error) {
	a, ok := m.CAs[l.CA]
	if !ok {
		return nil, fmt.Errorf("sign %s: no CA %q on this host's list", l.Cert, l.CA)
	}
	d := diffKey(l.Key, key)
	c := change.Change{Kind: change.Cert, Action: change.Add, Item: l.Cert, Want: describeProfile(l.Profile)}
	var have *x509.Certificate
	if file.Type != host.Absent {
		var err error
		c.Action = change.Update
		if have, err = parse(file.Content); err != nil {
			c.Have, c.Why = "unreadable", err.Error()
		} else {
			c.Have = describeCert(have)
		}
	}
	pem, err := a.Cert.Get(ctx)
	if u := (*modules.UnknownError)(nil); errors.As(err, &u) {
		if c.Until = u.Until; have != nil {
			c.Why = "its CA is made anew"
		}
		return append(d, c), nil
	}
	if err != nil {
		return nil, err
	}
	if have == nil {
		return append(d, c), nil
	}
	ca, err := parse([]byte(pem))
	if err != nil {
		return nil, fmt.Errorf("parse certificate of CA %s: %w", l.CA, err)
	}
	why := reasons(have, key.Public, ca, l.Profile, at)
	if len(why) == 0 {
		return append(d, diffMode(l.Cert, file)...), nil
	}
	c.Why = strings.Join(why, "; ")
	return append(d, c), nil
}

// Apply makes the certificates in d, several at a time.
func (m Leaves) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, l := range m.Leaves {
		g.Go(func() error { return m.issue(ctx, h, l, d) })
	}
	return g.Wait()
}

// Redo issues all certificates, for the existing keys, see modules.Replacer.
func (m Leaves) Redo(_ context.Context, d change.Diff) (change.Diff, error) {
	for _, l := range m.Leaves {
		if issues, _ := about(d, l.Cert); !issues {
			what := describeProfile(l.Profile)
			d = append(d, change.Change{Kind: change.Cert, Action: change.Update, Item: l.Cert, Have: what, Want: what, Why: change.ReplaceAsked})
		}
	}
	return d, nil
}

// Owns returns all items that the module may change, see modules.Owner.
func (m Leaves) Owns() []string {
	var items []string
	for _, l := range m.Leaves {
		items = append(items, l.Key.Path, l.Cert)
	}
	return items
}

// issue makes the key first. After an interruption anywhere, the next Check finds
// that the certificate is for another key.
func (m Leaves) issue(ctx context.Context, h host.Host, l Leaf, d change.Diff) error {
	if d.Touches(l.Key.Path) {
		if _, err := h.EnsureKey(ctx, l.Key); err != nil {
			return fmt.Errorf("make key %s: %w", l.Key.Path, err)
		}
	}
	switch issues, touches := about(d, l.Cert); {
	case !touches:
		return nil
	case !issues:
		return rewrite(ctx, h, l.Cert)
	}
	request, err := h.Request(ctx, l.Key.Path, l.Profile.CommonName)
	if err != nil {
		return fmt.Errorf("request %s: %w", l.Cert, err)
	}
	a := m.CAs[l.CA]
	cert, err := a.Signer.Sign(ctx, host.SignRequest{KeyPath: a.KeyPath, CertPath: a.CertPath, Request: request, Profile: l.Profile})
	if err != nil {
		return fmt.Errorf("sign %s: %w", l.Cert, err)
	}
	if err := h.WriteFile(ctx, host.FileSpec{Path: l.Cert, Mode: 0o644, Content: cert}); err != nil {
		return fmt.Errorf("write %s: %w", l.Cert, err)
	}
	return nil
}

// about reports whether d issues the certificate at path, and whether it touches the
// file at all: only its mode may differ.
func about(d change.Diff, path string) (issues, touches bool) {
	for _, c := range d {
		if c.Item == path {
			touches = true
			issues = issues || c.Kind == change.Cert
		}
	}
	return issues, touches
}

// rewrite sets mode and owner of a public file.
func rewrite(ctx context.Context, h host.Host, path string) error {
	f, err := h.Files(ctx, []host.FileQuery{{Path: path, Content: true}})
	if err != nil {
		return err
	}
	if err := h.WriteFile(ctx, host.FileSpec{Path: path, Mode: 0o644, Content: f[0].Content}); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
