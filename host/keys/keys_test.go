package keys

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func must(t *testing.T) func([]byte, error) []byte {
	return func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func TestChain(t *testing.T) {
	key := must(t)(New())
	ca := must(t)(Sign(key, nil, host.SignRequest{Profile: host.CertProfile{CommonName: "root", CA: true, Lifetime: 48 * time.Hour}}, now))
	subKey := must(t)(New())
	sub := must(t)(Sign(key, ca, host.SignRequest{
		Request: must(t)(Request(subKey, "sub")),
		Profile: host.CertProfile{CommonName: "sub", CA: true, Lifetime: 24 * time.Hour}}, now))
	leafKey := must(t)(New())
	request := must(t)(Request(leafKey, "ignored"))
	leaf := must(t)(Sign(subKey, sub, host.SignRequest{Request: request, Profile: host.CertProfile{
		CommonName: "leaf", Organizations: []string{"o"}, DNSNames: []string{"a.example"}, IPs: []string{"192.0.2.1", "2001:db8::1"},
		Server: true, Lifetime: time.Hour * 1000}}, now))

	roots, subs := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	subs.AppendCertsFromPEM(sub)
	c, err := parseCert(leaf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Verify(x509.VerifyOptions{Roots: roots, Intermediates: subs, DNSName: "a.example", CurrentTime: now}); err != nil {
		t.Fatal(err)
	}
	if err := c.VerifyHostname("192.0.2.1"); err != nil {
		t.Error(err)
	}
	s, _ := parseCert(sub)
	switch {
	case !c.NotAfter.Equal(s.NotAfter):
		t.Errorf("leaf ends %s, after its CA's %s", c.NotAfter, s.NotAfter)
	case !c.NotBefore.Equal(now.Add(-5 * time.Minute)):
		t.Errorf("not before %s", c.NotBefore)
	case c.Subject.String() != "CN=leaf,O=o":
		t.Errorf("subject %s", c.Subject)
	case c.KeyUsage != x509.KeyUsageDigitalSignature:
		t.Errorf("usage %b", c.KeyUsage)
	case !bytes.Equal(c.AuthorityKeyId, s.SubjectKeyId) || len(c.SubjectKeyId) != 20:
		t.Error("key identifiers do not chain")
	case c.SerialNumber.BitLen() > 128 || c.SerialNumber.BitLen() < 80:
		t.Errorf("serial of %d bits", c.SerialNumber.BitLen())
	case s.MaxPathLen != 0 || !s.MaxPathLenZero:
		t.Errorf("path length of the intermediate is %d", s.MaxPathLen)
	}
}

func TestSignRefuses(t *testing.T) {
	key, other := must(t)(New()), must(t)(New())
	ca := must(t)(Sign(key, nil, host.SignRequest{Profile: host.CertProfile{CommonName: "root", CA: true, Lifetime: time.Hour}}, now))
	request := must(t)(Request(other, "x"))
	leaf := must(t)(Sign(key, ca, host.SignRequest{Request: request, Profile: host.CertProfile{CommonName: "x", Lifetime: time.Hour}}, now))
	sub := must(t)(Sign(key, ca, host.SignRequest{Request: request, Profile: host.CertProfile{CommonName: "s", CA: true, Lifetime: time.Hour}}, now))
	block, _ := pem.Decode(request)
	forged := bytes.Clone(block.Bytes)
	forged[len(forged)-1] ^= 1
	good := host.CertProfile{CommonName: "x", Lifetime: time.Hour}
	tests := []struct {
		name      string
		key, cert []byte
		request   []byte
		profile   host.CertProfile
		at        time.Time
		want      string
	}{
		{"another key", other, ca, request, good, now, "do not belong together"},
		{"no CA", other, leaf, request, good, now, "is no CA"},
		{"ended CA", key, ca, request, good, now.Add(2 * time.Hour), "ended on"},
		{"forged request", key, ca, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: forged}), good, now, "request"},
		{"no request", key, ca, nil, good, now, "no PEM block"},
		{"third CA", other, sub, request, host.CertProfile{CommonName: "x", CA: true, Lifetime: time.Hour}, now, "may not sign another CA"},
		{"no lifetime", key, ca, request, host.CertProfile{}, now, "lifetime"},
		{"bad address", key, ca, request, host.CertProfile{IPs: []string{"x"}, Lifetime: 1}, now, "not an IP"},
		{"no key", nil, ca, request, good, now, "no PEM block PRIVATE KEY"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Sign(tt.key, tt.cert, host.SignRequest{Request: tt.request, Profile: tt.profile}, tt.at)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestPublic(t *testing.T) {
	key := must(t)(New())
	public := must(t)(Public(key))
	if !IsPrivate(key) || IsPrivate(public) || !strings.Contains(string(public), "PUBLIC KEY") {
		t.Errorf("got %s", public)
	}
}
