package pki

import (
	"context"
	"fmt"
	"time"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
)

// CA is a certificate authority, on the host that keeps its key. It is made once.
// If key and certificate exist, this package never replaces them.
type CA struct {
	Key  host.KeySpec
	Cert string // path of its certificate
	Name string // common name

	// PEM is the certificate. Check sets it if the CA exists, and Apply
	// otherwise.
	PEM *modules.Value[string]
}

// ClusterCA signs for the API server, its clients and the kubelets. The
// controller-manager may read its key, because it signs too.
func ClusterCA(pem *modules.Value[string]) CA {
	return CA{Key: host.KeySpec{Path: Dir + "ca.key", Mode: 0o640, Group: "kube"}, Cert: Dir + "ca.crt", Name: "kubernetes-ca", PEM: pem}
}

// FrontProxyCA signs the certificate that the API server shows to extension
// API servers.
func FrontProxyCA(pem *modules.Value[string]) CA {
	return CA{Key: host.KeySpec{Path: Dir + "front-proxy-ca.key", Mode: 0o600}, Cert: Dir + "front-proxy-ca.crt", Name: "kubernetes-front-proxy-ca", PEM: pem}
}

// EtcdCA signs for the members of etcd and for the API server, their client.
// Its key is on the signer, a control-plane host, like those of the other CAs.
func EtcdCA(pem *modules.Value[string]) CA {
	return CA{Key: host.KeySpec{Path: Dir + "etcd/ca.key", Mode: 0o600}, Cert: Dir + "etcd/ca.crt", Name: "etcd-ca", PEM: pem}
}

// Authority returns the CA as a signer of certificates.
func (m CA) Authority(signer Signer) Authority {
	return Authority{Cert: m.PEM, Signer: signer, KeyPath: m.Key.Path, CertPath: m.Cert}
}

// Check compares key and certificate. If they do not belong together, or the
// certificate ends soon, it returns an error: all certificates depend on the CA, so
// people must decide what to do.
func (m CA) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	files, keys, err := read(ctx, h, []string{m.Cert}, []string{m.Key.Path})
	if err != nil {
		return nil, err
	}
	cert, key := files[0], keys[0]
	at, err := now(ctx, h)
	if err != nil {
		return nil, err
	}
	if err := m.sound(key, cert, at); err != nil {
		return nil, err
	}
	d := diffKey(m.Key, key)
	if cert.Type == host.Absent {
		return append(d, change.Change{Kind: change.Cert, Action: change.Add, Item: m.Cert, Want: m.describe()}), nil
	}
	m.PEM.Set(string(cert.Content))
	return append(d, diffMode(m.Cert, cert)...), nil
}

// sound returns an error if an existing CA cannot be used.
func (m CA) sound(key host.Key, cert host.File, at time.Time) error {
	if cert.Type == host.Absent {
		return nil
	}
	c, err := parse(cert.Content)
	switch {
	case err != nil:
		return fmt.Errorf("parse CA certificate %s: %w", m.Cert, err)
	case len(key.Public) == 0:
		return fmt.Errorf("find key of CA %s: %s is there, but %s is not; put the key back, or remove the certificate to begin a new CA", m.Name, m.Cert, m.Key.Path)
	case !belongs(c, key.Public):
		return fmt.Errorf("verify CA %s: %s is not for the key %s; put back the one that belongs to the other", m.Name, m.Cert, m.Key.Path)
	case !c.IsCA:
		return fmt.Errorf("verify CA %s: %s is no CA certificate", m.Name, m.Cert)
	case c.NotAfter.Sub(at) < renewBefore:
		return fmt.Errorf("verify CA %s: %s ends on %s; it must be replaced by hand before, since all certificates hang on it", m.Name, m.Cert, date(c.NotAfter))
	}
	return nil
}

// Apply makes the key, then the certificate. If there is only the key, the next
// Check finds the missing certificate.
func (m CA) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if d.Touches(m.Key.Path) {
		if _, err := h.EnsureKey(ctx, m.Key); err != nil {
			return fmt.Errorf("make key %s: %w", m.Key.Path, err)
		}
	}
	switch issues, touches := about(d, m.Cert); {
	case !touches:
		return nil
	case !issues:
		return rewrite(ctx, h, m.Cert)
	}
	pem, err := h.Sign(ctx, host.SignRequest{KeyPath: m.Key.Path, Profile: host.CertProfile{CommonName: m.Name, CA: true, Lifetime: caLife}})
	if err != nil {
		return fmt.Errorf("sign %s: %w", m.Cert, err)
	}
	if err := h.WriteFile(ctx, host.FileSpec{Path: m.Cert, Mode: 0o644, Content: pem}); err != nil {
		return fmt.Errorf("write %s: %w", m.Cert, err)
	}
	m.PEM.Set(string(pem))
	return nil
}

// Owns returns all items that the module may change, see modules.Owner.
func (m CA) Owns() []string { return []string{m.Key.Path, m.Cert} }

// Outputs returns the certificate, see modules.Giver.
func (m CA) Outputs() []modules.Output { return []modules.Output{m.PEM} }

func (m CA) describe() string { return m.Name + " (CA), ten years" }

// diffKey compares a key's presence, mode and owner.
func diffKey(want host.KeySpec, have host.Key) change.Diff {
	attrs := change.Attrs(want.Mode, want.Owner, want.Group)
	if len(have.Public) == 0 {
		return change.Diff{{Kind: change.PrivKey, Action: change.Add, Item: want.Path, Want: "ECDSA P-256, " + attrs}}
	}
	if a := change.Attrs(have.Mode, have.Owner, have.Group); a != attrs {
		return change.Diff{{Kind: change.Attr, Action: change.Update, Item: want.Path, Have: a, Want: attrs}}
	}
	return nil
}

// diffMode compares mode and owner of a public file.
func diffMode(path string, have host.File) change.Diff {
	want := change.Attrs(0o644, "", "")
	if a := change.Attrs(have.Mode, have.Owner, have.Group); a != want {
		return change.Diff{{Kind: change.Attr, Action: change.Update, Item: path, Have: a, Want: want}}
	}
	return nil
}
