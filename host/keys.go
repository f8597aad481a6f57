package host

import (
	"context"
	"time"
)

// KeyReader reads the public halves of private keys.
type KeyReader interface {
	// Keys returns the public halves of private keys, in the order of the
	// paths. Public is empty for a path with no key.
	Keys(ctx context.Context, paths []string) ([]Key, error)
}

// KeyWriter makes private keys and uses them. No private key leaves the host.
type KeyWriter interface {
	// EnsureKey makes an ECDSA P-256 private key at k.Path if there is none,
	// and sets mode and owner. It returns only the public half. From then on
	// Files refuses to read the path (see File.Secret).
	EnsureKey(ctx context.Context, k KeySpec) (Key, error)

	// Request makes a PKCS #10 request, PEM, signed by the key at keyPath. It
	// carries only the common name, because the signer decides all else that
	// the certificate says.
	Request(ctx context.Context, keyPath, commonName string) ([]byte, error)

	// Sign issues a certificate, PEM, with a key of this host. It writes
	// nothing on the host.
	Sign(ctx context.Context, r SignRequest) ([]byte, error)
}

// Key is the public half of a private key.
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
	Mode  uint32 `json:"mode"`  // such as 0600
	Owner string `json:"owner"` // "" is root
	Group string `json:"group"` // "" is root
}

// A SignRequest asks a host to issue a certificate with one of its keys.
type SignRequest struct {
	KeyPath  string      `json:"key_path"`            // the signer's key
	CertPath string      `json:"cert_path,omitempty"` // the signer's certificate; "" makes a self-signed one
	Request  []byte      `json:"request,omitempty"`   // PKCS #10, PEM; its signature is verified; not used for a self-signed one
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
	Lifetime      time.Duration `json:"lifetime"`         // from now on; NotBefore is 5 minutes ago
}
