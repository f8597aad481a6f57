// Package keys makes private keys, signing requests and certificates, all
// PEM. It takes and returns bytes, and reads and writes no files. oshost and
// hosttest both use it for EnsureKey, Request and Sign.
package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// backdate is how long before now NotBefore is, because the clocks of hosts
// differ.
const backdate = 5 * time.Minute

// New makes an ECDSA P-256 private key, PKCS #8.
func New() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return encode("PRIVATE KEY", der), nil
}

// IsPrivate reports whether data contains a private key anywhere.
func IsPrivate(data []byte) bool {
	return bytes.Contains(data, []byte("PRIVATE KEY-----"))
}

// Public returns the public half of a private key, PKIX.
func Public(key []byte) ([]byte, error) {
	k, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	return encode("PUBLIC KEY", der), nil
}

// Request makes a PKCS #10 request that carries only the common name.
func Request(key []byte, commonName string) ([]byte, error) {
	k, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader,
		&x509.CertificateRequest{Subject: pkix.Name{CommonName: commonName}}, k)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	return encode("CERTIFICATE REQUEST", der), nil
}

// Sign issues a certificate for the public key of the request, with only the
// names and usages of the profile. If signerCert is empty the certificate is
// self-signed and the request is not used. The certificate never outlives its
// signer's. Paths in r are not used.
func Sign(signerKey, signerCert []byte, r host.SignRequest, now time.Time) ([]byte, error) {
	key, err := parseKey(signerKey)
	if err != nil {
		return nil, err
	}
	template, err := templateOf(r.Profile, now)
	if err != nil {
		return nil, err
	}
	parent, public := template, &key.PublicKey
	if len(signerCert) > 0 {
		if parent, err = signerOf(signerCert, key, template, now); err != nil {
			return nil, err
		}
		if public, err = requested(r.Request); err != nil {
			return nil, err
		}
	}
	if template.SubjectKeyId, err = keyID(public); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return encode("CERTIFICATE", der), nil
}

func templateOf(p host.CertProfile, now time.Time) (*x509.Certificate, error) {
	if p.Lifetime <= 0 {
		return nil, fmt.Errorf("sign certificate: lifetime %s, must be positive", p.Lifetime)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, fmt.Errorf("make serial: %w", err)
	}
	c := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: p.CommonName, Organization: p.Organizations},
		DNSNames:              p.DNSNames,
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(p.Lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
	for _, s := range p.IPs {
		ip := net.ParseIP(s)
		if ip == nil {
			return nil, fmt.Errorf("sign certificate: %q is not an IP address", s)
		}
		c.IPAddresses = append(c.IPAddresses, ip)
	}
	if p.CA {
		c.IsCA, c.MaxPathLen = true, 1
		c.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	if p.Server {
		c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if p.Client {
		c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	return c, nil
}

// signerOf parses the signer's certificate and limits template to what it may
// sign.
func signerOf(cert []byte, key *ecdsa.PrivateKey, template *x509.Certificate, now time.Time) (*x509.Certificate, error) {
	signer, err := parseCert(cert)
	switch {
	case err != nil:
		return nil, err
	case !key.PublicKey.Equal(signer.PublicKey):
		return nil, errors.New("sign certificate: the signer's key and certificate do not belong together")
	case !signer.IsCA:
		return nil, fmt.Errorf("sign certificate: %q is no CA", signer.Subject.CommonName)
	case now.After(signer.NotAfter):
		return nil, fmt.Errorf("sign certificate: CA %q ended on %s", signer.Subject.CommonName, signer.NotAfter.Format(time.RFC3339))
	case template.IsCA && signer.MaxPathLen == 0:
		return nil, fmt.Errorf("sign certificate: %q may not sign another CA", signer.Subject.CommonName)
	}
	if template.IsCA { // an intermediate CA
		template.MaxPathLen, template.MaxPathLenZero = 0, true
	}
	if template.NotAfter.After(signer.NotAfter) {
		template.NotAfter = signer.NotAfter
	}
	return signer, nil
}

// requested returns the public key of a request after it has verified the
// request's signature.
func requested(request []byte) (*ecdsa.PublicKey, error) {
	block, _ := pem.Decode(request)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, errors.New("parse request: no PEM block CERTIFICATE REQUEST")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse request: %w", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("verify request: %w", err)
	}
	public, ok := csr.PublicKey.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, errors.New("verify request: its key is not ECDSA P-256")
	}
	return public, nil
}

// keyID returns a subject key identifier, RFC 7093 section 2 method 1.
func keyID(public *ecdsa.PublicKey) ([]byte, error) {
	point, err := public.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	sum := sha256.Sum256(point)
	return sum[:20], nil
}

func parseKey(data []byte) (*ecdsa.PrivateKey, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "PRIVATE KEY":
			k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, errors.New("parse key: not PKCS #8")
			}
			key, ok := k.(*ecdsa.PrivateKey)
			if !ok || key.Curve != elliptic.P256() {
				return nil, fmt.Errorf("parse key: a %T, must be ECDSA P-256", k)
			}
			return key, nil
		case "EC PRIVATE KEY":
			key, err := x509.ParseECPrivateKey(block.Bytes)
			if err != nil || key.Curve != elliptic.P256() {
				return nil, errors.New("parse key: not ECDSA P-256")
			}
			return key, nil
		}
	}
	return nil, errors.New("parse key: no PEM block PRIVATE KEY")
}

func parseCert(data []byte) (*x509.Certificate, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parse certificate: %w", err)
		}
		return c, nil
	}
	return nil, errors.New("parse certificate: no PEM block CERTIFICATE")
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
