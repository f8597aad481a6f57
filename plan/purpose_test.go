package plan_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/plantest"
)

func TestPurpose(t *testing.T) {
	c, _ := everything(t).Compile(t)
	for _, s := range append(c.Graph.Steps, plantest.Bare(t, "../examples/three-hosts").Steps...) {
		if plan.Purpose(s.Addr.Module) == "" {
			t.Errorf("nothing says what %s is for", s.Addr.Module)
		}
	}
	for _, module := range []string{"stop", "clean", "leave", "leftovers"} {
		if plan.Purpose(module) == "" {
			t.Errorf("nothing says what %s is for", module)
		}
	}
}

func TestBeforeAndBehind(t *testing.T) {
	g := plantest.Bare(t, "../examples/three-hosts")
	direct, all := g.Before(address.MustParse("kernel.worker-1"))
	if d := cmp.Diff([]address.Addr{address.MustParse("member.worker-1")}, direct); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]address.Addr{address.MustParse("preflight.cp-1"), address.MustParse("preflight.worker-1"), address.MustParse("preflight.worker-2"), address.MustParse("connectivity"), address.MustParse("gate"), address.MustParse("member.worker-1")}, all); d != "" {
		t.Error(d)
	}
	if direct, all = g.Before(address.MustParse("connectivity")); len(direct)+len(all) > 0 {
		t.Errorf("connectivity waits for %v, %v", direct, all)
	}
	if direct, _ = g.Behind(address.MustParse("gate")); !cmp.Equal(direct, []address.Addr{address.MustParse("member.cp-1"), address.MustParse("member.worker-1"), address.MustParse("member.worker-2")}) {
		t.Errorf("behind the gate: %v", direct)
	}
	// Behind is the inverse of Before.
	for _, s := range g.Steps {
		_, behind := g.Behind(s.Addr)
		for _, other := range g.Steps {
			_, before := g.Before(other.Addr)
			if slices.Contains(before, s.Addr) != slices.Contains(behind, other.Addr) {
				t.Errorf("%s and %s: one says that it is before the other, the other does not", s.Addr, other.Addr)
			}
		}
	}
}

// TestKnownAfterIsBefore: a step waits for every step that it is unknown until. So
// a selection with the one has the other.
func TestKnownAfterIsBefore(t *testing.T) {
	w := plantest.Workers(t, 2, "")
	c, _ := w.Compile(t)
	known := 0
	for a, d := range w.Check(t, c.Graph).Diffs {
		_, before := c.Graph.Before(a)
		for _, until := range d.Until() {
			known++
			if !slices.Contains(before, address.Addr(until)) {
				t.Errorf("%s is known after %s, and does not wait for it", a, until)
			}
		}
	}
	if known == 0 {
		t.Error("nothing is known later on bare hosts")
	}
}
