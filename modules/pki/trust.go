package pki

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
)

// Trust writes CA certificates on hosts that have not the keys of the CAs.
type Trust struct{ Files []TrustFile }

// TrustFile is one CA certificate on a host.
type TrustFile struct {
	Path string
	PEM  *modules.Value[string]
}

// TrustCluster is for every host.
func TrustCluster(pem *modules.Value[string]) TrustFile { return TrustFile{Dir + "ca.crt", pem} }

// TrustEtcd is for control-plane hosts and etcd hosts.
func TrustEtcd(pem *modules.Value[string]) TrustFile { return TrustFile{Dir + "etcd/ca.crt", pem} }

// TrustFrontProxy is for control-plane hosts.
func TrustFrontProxy(pem *modules.Value[string]) TrustFile {
	return TrustFile{Dir + "front-proxy-ca.crt", pem}
}

// Check compares the files by their bytes, because they are copies.
func (m Trust) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	var q []host.FileQuery
	for _, f := range m.Files {
		q = append(q, host.FileQuery{Path: f.Path, Content: true})
	}
	have, err := h.Files(ctx, q)
	if err != nil {
		return nil, err
	}
	var d change.Diff
	for i, f := range m.Files {
		c, err := f.diff(ctx, have[i])
		if err != nil {
			return nil, err
		}
		d = append(d, c...)
	}
	return d, nil
}

func (f TrustFile) diff(ctx context.Context, have host.File) (change.Diff, error) {
	c := change.Change{Kind: change.Cert, Action: change.Update, Item: f.Path, Have: fingerprint(have.Content)}
	if have.Type == host.Absent {
		c.Action, c.Have = change.Add, ""
	}
	pem, err := f.PEM.Get(ctx)
	if u := (*modules.UnknownError)(nil); errors.As(err, &u) {
		c.Until = u.Until
		return change.Diff{c}, nil
	}
	if err != nil {
		return nil, err
	}
	if c.Want = fingerprint([]byte(pem)); have.Type == host.Regular && string(have.Content) == pem {
		return diffMode(f.Path, have), nil
	}
	return change.Diff{c}, nil
}

// Apply writes the files in d.
func (m Trust) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	for _, f := range m.Files {
		if !d.Touches(f.Path) {
			continue
		}
		pem, err := f.PEM.Get(ctx)
		if err != nil {
			return err
		}
		if err := h.WriteFile(ctx, host.FileSpec{Path: f.Path, Mode: 0o644, Content: []byte(pem)}); err != nil {
			return fmt.Errorf("write %s: %w", f.Path, err)
		}
	}
	return nil
}

// Owns returns all items that the module may change, see modules.Owner.
func (m Trust) Owns() []string {
	var items []string
	for _, f := range m.Files {
		items = append(items, f.Path)
	}
	return items
}

// fingerprint returns name, digest and end of a certificate.
func fingerprint(data []byte) string {
	c, err := parse(data)
	if err != nil {
		return "no certificate"
	}
	sum := sha256.Sum256(c.Raw)
	return fmt.Sprintf("%s, sha256 %s, until %s", c.Subject.CommonName, hex.EncodeToString(sum[:8]), date(c.NotAfter))
}
