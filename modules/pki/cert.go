package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// parse reads the first certificate of a PEM file.
func parse(data []byte) (*x509.Certificate, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, errors.New("no certificate in it")
}

// belongs reports whether a certificate is for the key with this public half.
func belongs(c *x509.Certificate, public []byte) bool {
	block, _ := pem.Decode(public)
	return block != nil && bytes.Equal(block.Bytes, c.RawSubjectPublicKeyInfo)
}

// reasons returns why a certificate must be replaced; nothing if it is good.
func reasons(c *x509.Certificate, public []byte, ca *x509.Certificate, want host.CertProfile, now time.Time) []string {
	var why []string
	if !belongs(c, public) {
		why = append(why, "is for another key")
	}
	if c.CheckSignatureFrom(ca) != nil {
		why = append(why, "signed by another CA")
	}
	if c.Subject.CommonName != want.CommonName {
		why = append(why, fmt.Sprintf("is of %s, not %s", c.Subject.CommonName, want.CommonName))
	}
	why = append(why, compare("the group", c.Subject.Organization, want.Organizations)...)
	why = append(why, compare("the name", c.DNSNames, want.DNSNames)...)
	why = append(why, compare("the address", addresses(c), canonical(want.IPs))...)
	why = append(why, compare("the use as", usages(c), wantedUsages(want))...)
	switch remaining := c.NotAfter.Sub(now); {
	case remaining <= 0:
		why = append(why, "expired on "+date(c.NotAfter))
	case remaining < renewBefore:
		why = append(why, "expires on "+date(c.NotAfter))
	}
	return why
}

// compare returns what is missing and what is surplus.
func compare(what string, have, want []string) []string {
	var why []string
	for _, w := range want {
		if !slices.Contains(have, w) {
			why = append(why, fmt.Sprintf("lacks %s %s", what, w))
		}
	}
	for _, h := range have {
		if !slices.Contains(want, h) {
			why = append(why, fmt.Sprintf("has %s %s", what, h))
		}
	}
	return why
}

func addresses(c *x509.Certificate) []string {
	var out []string
	for _, ip := range c.IPAddresses {
		out = append(out, ip.String())
	}
	return canonical(out)
}

// canonical returns addresses in a form in which equal ones are equal texts.
func canonical(ips []string) []string {
	out := make([]string, len(ips))
	for i, s := range ips {
		out[i] = s
		if a, err := netip.ParseAddr(s); err == nil {
			out[i] = a.Unmap().String()
		}
	}
	return out
}

const (
	server = "server"
	client = "client"
)

func usages(c *x509.Certificate) []string {
	var out []string
	if slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) {
		out = append(out, server)
	}
	if slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		out = append(out, client)
	}
	if c.IsCA {
		out = append(out, "CA")
	}
	return out
}

func wantedUsages(p host.CertProfile) []string {
	var out []string
	if p.Server {
		out = append(out, server)
	}
	if p.Client {
		out = append(out, client)
	}
	if p.CA {
		out = append(out, "CA")
	}
	return out
}

// describe returns a certificate as one line.
func describe(cn string, orgs, names, uses []string) string {
	s := cn
	if len(orgs) > 0 {
		s += " of " + strings.Join(orgs, ", ")
	}
	s += " (" + strings.Join(uses, ", ") + ")"
	if len(names) > 0 {
		s += " for " + strings.Join(names, ", ")
	}
	return s
}

func describeCert(c *x509.Certificate) string {
	return describe(c.Subject.CommonName, c.Subject.Organization, append(slices.Clone(c.DNSNames), addresses(c)...), usages(c))
}

func describeProfile(p host.CertProfile) string {
	return describe(p.CommonName, p.Organizations, append(slices.Clone(p.DNSNames), canonical(p.IPs)...), wantedUsages(p))
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
