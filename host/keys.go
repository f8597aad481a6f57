package host

import (
	"context"
	"time"
)

// KeyReader reads the public halves of private keys.
type KeyReader interface {
	// Keys returns the public halves of private keys, in the order of the
	// paths. A path where no key is has an empty Public.
	Keys(ctx context.Context, paths []string) ([]Key, error)
}

// KeyWriter makes private keys and uses them. No private key leaves the host.
type KeyWriter interface {
	// EnsureKey makes an ECDSA P-256 private key at k.Path unless a key is
	// there, and sets mode and owner. Only the public half is returned; the
	// path is refused by Files from then on (see File.Secret).
	EnsureKey(ctx context.Context, k KeySpec) (Key, error)

	// Request makes a PKCS #10 request, PEM, signed by the key at keyPath.
	// It carries the common name alone: what else the certificate says is
	// the signer's to decide.
	Request(ctx context.Context, keyPath, commonName string) ([]byte, error)

	// Sign issues a certificate, PEM, with a key of this host. It writes
	// nothing.
	Sign(ctx context.Context, r SignRequest) ([]byte, error)
}

// Key is the public side of a private key.
type Key struct {
	Path   string `json:"path"`
	Public []byte `json:"public,omitempty"` // PKIX, PEM
	Mode   uint32 `json:"mode"`
	Owner  string `json:"owner"`
	Group  string `json:"group"`
}

// A KeySpec is a private key as it should be kept.
type KeySpec struct {
	Path  string `json:"path"`
	Mode  uint32 `json:"mode"`  // 0600, 0640
	Owner string `json:"owner"` // "" is root
	Group string `json:"group"` // "" is root
}

// A SignRequest asks a host for a certificate made with one of its keys.
type SignRequest struct {
	KeyPath  string      `json:"key_path"`            // the signer's key
	CertPath string      `json:"cert_path,omitempty"` // the signer's certificate; "" signs itself
	Request  []byte      `json:"request,omitempty"`   // PKCS #10, PEM; whose signature is verified; not for self-signed
	Profile  CertProfile `json:"profile"`
}

// A CertProfile is what a certificate says.
type CertProfile struct {
	CommonName    string        `json:"common_name"`
	Organizations []string      `json:"organizations,omitempty"`
	DNSNames      []string      `json:"dns_names,omitempty"`
	IPs           []string      `json:"ips,omitempty"`
	CA            bool          `json:"ca,omitempty"`     // may sign, path length 1
	Server        bool          `json:"server,omitempty"` // extended key usage serverAuth
	Client        bool          `json:"client,omitempty"` // extended key usage clientAuth
	Lifetime      time.Duration `json:"lifetime"`         // counted from now; NotBefore lies 5 minutes back
}
