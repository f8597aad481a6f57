package apiserver

import (
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host/hosttest"
)

// unitOf returns the unit file that the module writes.
func unitOf(t *testing.T, a APIServer) string {
	t.Helper()
	d, err := New(a).Check(t.Context(), hosttest.New("cp-1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range d {
		if c.Item == change.UnitFile(unit) {
			return c.Want
		}
	}
	t.Fatal("no unit")
	return ""
}

// A host that does not say which domain it runs with is an error: any domain
// would pass for the one that runs.
func TestDomain(t *testing.T) {
	own := plain()
	own.Flags = map[string]string{issuerFlag: "https://tokens.example"}
	tests := []struct{ name, unit, want, err string }{
		{"its own unit", unitOf(t, plain()), "cluster.local", ""},
		{"with flags of the spec", unitOf(t, passed()), "cluster.local", ""},
		{"an issuer of the spec", unitOf(t, own), "", ""},
		{"on one line", "ExecStart=/usr/local/bin/kube-apiserver --service-account-issuer=https://kubernetes.default.svc.prod.example\n", "prod.example", ""},
		{"no unit", "", "", "kube-apiserver.service has no --service-account-issuer; put the file back"},
		{"no flag", "[Service]\nExecStart=/bin/true\n", "", "has no --service-account-issuer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := hosttest.New("cp-1")
			if tt.unit != "" {
				hosttest.WithFile(change.UnitFile(unit), tt.unit)(h)
			}
			got, err := Domain(t.Context(), h)
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
