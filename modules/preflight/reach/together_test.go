package reach_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
)

func TestTogether(t *testing.T) {
	tests := []struct {
		name string
		a, b []hosttest.Option
		want string
	}{
		{"different", nil, nil, ""},
		{"machine-id", []hosttest.Option{hosttest.WithFacts(func(f *host.Facts) { f.MachineID = "x" })}, []hosttest.Option{hosttest.WithFacts(func(f *host.Facts) { f.MachineID = "x" })},
			"PF022 error cp-1 and worker-1 have the same machine-id, x\n"},
		{"hostname", []hosttest.Option{hosttest.WithFacts(func(f *host.Facts) { f.Hostname = "x" })}, []hosttest.Option{hosttest.WithFacts(func(f *host.Facts) { f.Hostname = "x" })},
			"PF021 warning cp-1 and worker-1 have the same hostname, x\n"},
		{"product UUID in containers", []hosttest.Option{hosttest.WithFacts(func(f *host.Facts) { f.ProductUUID, f.Virt = "x", "docker" })},
			[]hosttest.Option{hosttest.WithFacts(func(f *host.Facts) { f.ProductUUID, f.Virt = "x", "docker" })}, ""},
		{"product UUID", []hosttest.Option{hosttest.WithFacts(func(f *host.Facts) { f.ProductUUID, f.Virt = "x", "kvm" })},
			[]hosttest.Option{hosttest.WithFacts(func(f *host.Facts) { f.ProductUUID, f.Virt = "x", "kvm" })},
			"PF023 warning cp-1 and worker-1 have the same product UUID, x\n"},
		{"clock", nil, []hosttest.Option{hosttest.WithSkew(3600e9)}, "PF020 error the clock of worker-1 is 1h0m0s ahead of the others'\n"},
		{"clock behind", nil, []hosttest.Option{hosttest.WithSkew(-5e9)}, "PF020 error the clock of worker-1 is 5s behind the others'\n"},
		{"a little", nil, []hosttest.Option{hosttest.WithSkew(15e8)}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := small(3)
			c.Edges = nil
			names := []string{"cp-1", "worker-1"}
			for i, opts := range [][]hosttest.Option{tt.a, tt.b} {
				c.Hosts[names[i]] = hosttest.New(names[i], append(opts, hosttest.WithAddress(c.Addresses[names[i]]+"/24"))...)
			}
			r, err := c.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, bad(r)); d != "" {
				t.Errorf("findings, want - got +:\n%s", d)
			}
		})
	}
}
