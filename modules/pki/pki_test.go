package pki

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/keys"
	"github.com/pmkctl/pmkctl/internal/golden"
	"github.com/pmkctl/pmkctl/modules"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// authority is a CA that is only in memory.
type authority struct{ key, cert []byte }

func newCA(t *testing.T, life time.Duration) authority {
	t.Helper()
	a := authority{key: must(t)(keys.New())}
	a.cert = must(t)(keys.Sign(a.key, nil, host.SignRequest{Profile: host.CertProfile{CommonName: "ca", CA: true, Lifetime: life}}, start))
	return a
}

func (a authority) issue(t *testing.T, key []byte, p host.CertProfile) *x509.Certificate {
	t.Helper()
	pem := must(t)(keys.Sign(a.key, a.cert, host.SignRequest{Request: must(t)(keys.Request(key, "x")), Profile: p}, start))
	c, err := parse(pem)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func must(t *testing.T) func([]byte, error) []byte {
	return func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func TestReasons(t *testing.T) {
	ca, other := newCA(t, caLife), newCA(t, caLife)
	key, otherKey := must(t)(keys.New()), must(t)(keys.New())
	want := host.CertProfile{CommonName: "cp-1", Organizations: []string{"g"}, DNSNames: []string{"cp-1"}, IPs: []string{"192.0.2.11", "2001:db8:0::11"}, Server: true, Lifetime: leafLife}
	with := func(f func(*host.CertProfile)) host.CertProfile {
		p := want
		f(&p)
		return p
	}
	tests := []struct {
		name  string
		ca    authority
		key   []byte
		have  host.CertProfile
		later time.Duration
		want  []string
	}{
		{"fine", ca, key, want, 0, nil},
		{"a month left", ca, key, want, 335 * day, nil},
		{"less than a month left", ca, key, want, 336 * day, []string{"expires on 2027-03-01"}},
		{"expired", ca, key, want, 366 * day, []string{"expired on 2027-03-01"}},
		{"another CA", other, key, want, 0, []string{"signed by another CA"}},
		{"another key", ca, otherKey, want, 0, []string{"is for another key"}},
		{"name", ca, key, with(func(p *host.CertProfile) { p.CommonName = "cp-2" }), 0, []string{"is of cp-2, not cp-1"}},
		{"group", ca, key, with(func(p *host.CertProfile) { p.Organizations = []string{"system:masters"} }), 0, []string{"lacks the group g", "has the group system:masters"}},
		{"DNS name", ca, key, with(func(p *host.CertProfile) { p.DNSNames = nil }), 0, []string{"lacks the name cp-1"}},
		{"address", ca, key, with(func(p *host.CertProfile) { p.IPs = []string{"192.0.2.11", "192.0.2.12"} }), 0, []string{"lacks the address 2001:db8::11", "has the address 192.0.2.12"}},
		{"usage", ca, key, with(func(p *host.CertProfile) { p.Server, p.Client = false, true }), 0, []string{"lacks the use as server", "has the use as client"}},
		{"order of names", ca, key, with(func(p *host.CertProfile) { p.IPs = []string{"2001:db8::11", "192.0.2.11"} }), 0, nil},
		{"CA", ca, key, with(func(p *host.CertProfile) { p.CA = true }), 0, []string{"has the use as CA"}},
	}
	root, err := parse(ca.cert)
	if err != nil {
		t.Fatal(err)
	}
	public := must(t)(keys.Public(key))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := reasons(tt.ca.issue(t, tt.key, tt.have), public, root, want, start.Add(tt.later))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSound(t *testing.T) {
	ca, other := newCA(t, 60*day), newCA(t, 60*day)
	leafKey := must(t)(keys.New())
	leaf := must(t)(keys.Sign(ca.key, ca.cert, host.SignRequest{Request: must(t)(keys.Request(leafKey, "x")), Profile: host.CertProfile{CommonName: "leaf", Lifetime: 50 * day}}, start))
	tests := []struct {
		name      string
		key, cert []byte
		later     time.Duration
		want      string
	}{
		{"bare", nil, nil, 0, ""},
		{"key alone", ca.key, nil, 0, ""},
		{"both", ca.key, ca.cert, 29 * day, ""},
		{"certificate alone", nil, ca.cert, 0, "put the key back"},
		{"of another", other.key, ca.cert, 0, "is not for the key"},
		{"a leaf", leafKey, leaf, 0, "is no CA certificate"},
		{"near its end", ca.key, ca.cert, 31 * day, "ends on 2026-04-30"},
		{"rubbish", ca.key, []byte("x"), 0, "parse CA certificate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var key host.Key
			var cert host.File
			if tt.key != nil {
				key.Public = must(t)(keys.Public(tt.key))
			}
			if tt.cert != nil {
				cert = host.File{Type: host.Regular, Content: tt.cert}
			}
			err := ClusterCA(nil).sound(key, cert, start.Add(tt.later))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestStandard prints the certificates of every kind of host, one a line.
func TestStandard(t *testing.T) {
	controlPlane := ControlPlane{Name: "cp-1", Addresses: []string{"192.0.2.11"}, ServiceIP: FirstServiceIP(netip.MustParsePrefix("10.96.0.0/12")), Domain: "cluster.local",
		Endpoint: "api.example.com", ExtraSANs: []string{"198.51.100.7", "cp-1", "192.0.2.11"}}
	path := filepath.Join("testdata", "golden", "standard.txtar")
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]Leaf{"control plane": controlPlane.Leaves(), "etcd": EtcdLeaves("cp-1", []string{"192.0.2.11"}), "node": NodeLeaves("worker-1", []string{"192.0.2.21"})}
	for i, f := range archive.Files {
		archive.Files[i].Data = []byte(lines(got[f.Name]))
	}
	golden.Text(t, path, string(txtar.Format(archive)))
}

func lines(leaves []Leaf) string {
	var b strings.Builder
	for _, l := range leaves {
		fmt.Fprintf(&b, "%s\n  key %04o %s:%s, by %s\n  %s\n", strings.TrimPrefix(l.Cert, Dir), l.Key.Mode, l.Key.Owner, l.Key.Group, l.CA, describeProfile(l.Profile))
	}
	return b.String()
}

// TestUnknownCA: while a CA does not exist, its certificates are changes and no
// errors.
func TestUnknownCA(t *testing.T) {
	pem := modules.NewValue[string](address.MustParse("ca.cp-1"))
	pem.Settle()
	m := Leaves{CAs: map[string]Authority{Cluster: {Cert: pem}}}
	l := NodeLeaves("worker-1", nil)[0]
	d, err := m.diff(context.Background(), l, host.Key{}, host.File{}, start)
	if err != nil || len(d) != 2 || d[0].Kind != change.PrivKey || d[1].Action != change.Add || d[1].Until != address.MustParse("ca.cp-1") {
		t.Errorf("got %+v, %v", d, err)
	}
	if _, err := m.diff(context.Background(), EtcdLeaves("x", nil)[0], host.Key{}, host.File{}, start); err == nil {
		t.Error("a CA that nobody gave signs")
	}
	f := TrustCluster(pem)
	d, err = f.diff(context.Background(), host.File{})
	if err != nil || len(d) != 1 || d[0].Action != change.Add || d[0].Until != address.MustParse("ca.cp-1") {
		t.Errorf("got %+v, %v", d, err)
	}
}
