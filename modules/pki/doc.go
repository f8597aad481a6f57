// Package pki makes certificate authorities, key pairs and certificates, and
// brings CA certificates to the hosts that trust them. It owns the files in
// /etc/kubernetes/pki. The directories belong to the account step.
//
// A private key is made on the host that uses it and never leaves it. A
// request goes from there to the CA's host, which signs it, and the
// certificate comes back. Both are public. Certificates are compared by their
// fields and their end, never by their bytes.
package pki

import (
	"context"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
)

// Dir has all files, under the same names as with kubeadm.
const Dir = "/etc/kubernetes/pki/"

// The authorities.
const (
	Cluster    = "kubernetes"  // API server, its clients, kubelets
	Etcd       = "etcd"        // etcd's servers, peers and clients
	FrontProxy = "front-proxy" // the API server towards extension API servers
)

const (
	// day, because Go has no unit longer than an hour.
	day = 24 * time.Hour
	// caLife is long, because a new CA means new certificates everywhere and
	// is an operation of its own.
	caLife = 3650 * day
	// leafLife is what kubeadm gives and the kubelet asks for.
	leafLife = 365 * day
	// renewBefore is a month: with an apply once a month no certificate expires.
	// A third of the life, as the kubelet does it, would put renewals into the
	// plans of four months.
	renewBefore = 30 * day
)

// Signer is the host that has a CA's key. A host.Host is one.
type Signer interface {
	Sign(ctx context.Context, r host.SignRequest) ([]byte, error)
}

// Authority is a CA for a caller that needs its signature.
type Authority struct {
	Cert     *modules.Value[string] // PEM
	Signer   Signer
	KeyPath  string // on the signer
	CertPath string // on the signer
}

// now returns the time of the host's own clock: the host decides by it whether a
// certificate has expired.
func now(ctx context.Context, h host.SystemReader) (time.Time, error) {
	f, err := h.Facts(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if f.Now.IsZero() {
		return time.Now(), nil
	}
	return f.Now, nil
}
