package membership

import (
	"context"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
	"github.com/pmkctl/pmkctl/state"
)

// kept is Leftovers with the record as a keeper leaves it.
type kept struct{ Leftovers }

func (m kept) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	r, err := state.Load(ctx, h)
	if err != nil {
		return nil, err
	}
	m.Record = r
	return m.Leftovers.Check(ctx, h)
}

func (m kept) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if len(d) == 0 {
		return nil
	}
	r, err := state.Load(ctx, h)
	if err != nil {
		return err
	}
	m.Record = r
	if err := m.Leftovers.Apply(ctx, h, d); err != nil {
		return err
	}
	for _, c := range d {
		delete(r.Owns, c.Item)
	}
	return r.Save(ctx, h)
}

const leftRecord = `{"version": 1, "cluster": {"id": "1", "name": "lab"}, "host": "a", "owns": {
  "/etc/wanted": {"kind": "file", "step": "x.a"},
  "/etc/left": {"kind": "file", "step": "x.a"},
  "/etc/gone": {"kind": "file", "step": "x.a"},
  "/etc/precious": {"kind": "file", "step": "ca.a"},
  "/etc/motd": {"kind": "file", "step": "x.a", "sha256": "00", "original": "/var/lib/pmkctl/original/etc/motd"},
  "somebody": {"kind": "user", "step": "x.a"}
}}`

// TestLeftoversConverge removes what nobody wants, whenever the connection
// dies, and forgets it.
func TestLeftoversConverge(t *testing.T) {
	m := kept{Leftovers{Wanted: map[string]bool{"/etc/wanted": true}, Kept: map[address.Addr]bool{address.MustParse("ca.a"): true}}}
	prepare := func(h *hosttest.Host) {
		hosttest.WithFile(state.RecordPath, leftRecord)(h)
		for _, p := range []string{"/etc/wanted", "/etc/left", "/etc/precious", "/etc/motd"} {
			hosttest.WithFile(p, "ours\n")(h)
		}
		hosttest.WithFile("/var/lib/pmkctl/original/etc/motd", "theirs\n")(h)
	}
	moduletest.Converges(t, m, moduletest.Prepare(prepare), moduletest.Removes(), moduletest.Goldens(""))

	h := hosttest.New("a")
	prepare(h.Admin())
	d, err := m.Check(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(t.Context(), h, d); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{"/etc/wanted": "ours\n", "/etc/left": "", "/etc/precious": "ours\n", "/etc/motd": "theirs\n"} {
		if got := string(h.Peek(p)); got != want {
			t.Errorf("%s holds %q, want %q", p, got, want)
		}
	}
	r, err := state.Load(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	for item, want := range map[string]bool{"/etc/wanted": true, "/etc/left": false, "/etc/gone": false, "/etc/precious": true, "/etc/motd": false, "somebody": true} {
		if _, owned := r.Owns[item]; owned != want {
			t.Errorf("%s: owned %v, want %v", item, owned, want)
		}
	}
	m.Record = r
	if stay, err := m.Stay(t.Context(), h); err != nil || len(stay) != 1 || stay["somebody"] == "" {
		t.Errorf("stays: %v, %v", stay, err)
	}
}
