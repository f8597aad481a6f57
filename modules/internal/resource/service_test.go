package resource_test

import (
	"testing"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// ours returns a service of pmkctl that runs on h.
func ours(t *testing.T, h *hosttest.Host) resource.Service {
	t.Helper()
	s := resource.Service{Name: "x.service", Unit: resource.Unit{Description: "x", Type: "exec", Argv: []string{"/usr/local/bin/x"}}}
	hosttest.WithPrograms("x")(h.Admin())
	apply(t, s, h)
	return s
}

func checked(t *testing.T, s resource.Service, h *hosttest.Host) change.Diff {
	t.Helper()
	d, err := s.Check(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// apply applies what Check finds. Nothing may differ after it.
func apply(t *testing.T, s resource.Service, h *hosttest.Host) {
	t.Helper()
	if err := s.Apply(t.Context(), h, checked(t, s, h)); err != nil {
		t.Fatal(err)
	}
	if d := checked(t, s, h); len(d) > 0 {
		t.Fatalf("still differs after Apply: %+v", d)
	}
}

func do(t *testing.T, h *hosttest.Host, unit string, do host.UnitAction) {
	t.Helper()
	if err := h.Admin().Unit(t.Context(), unit, do); err != nil {
		t.Fatal(err)
	}
}

func needsReload(t *testing.T, h *hosttest.Host) bool {
	t.Helper()
	units, err := h.Units(t.Context(), []string{"x.service"})
	if err != nil {
		t.Fatal(err)
	}
	return units[0].NeedReload
}

func TestServiceLeavesNoReloadOwed(t *testing.T) {
	h := hosttest.New("h")
	s := ours(t, h)
	if needsReload(t, h) {
		t.Error("systemd needs a reload after the first Apply")
	}
	s.Unit.Options += "# new\n"
	apply(t, s, h)
	if needsReload(t, h) {
		t.Error("systemd needs a reload after a change of the unit")
	}
}

func TestReloadOwedByOthersIsNoChange(t *testing.T) {
	h := hosttest.New("h", hosttest.WithService("other"))
	s := ours(t, h)
	do(t, h, "other.service", host.Disable)
	if !needsReload(t, h) {
		t.Fatal("the host does not need a reload")
	}
	if d := checked(t, s, h); len(d) > 0 {
		t.Errorf("got %+v, want nothing", d)
	}
}

// A drop-in that systemd has not read is a change of its own. The service keeps
// running, unless another change restarts it.
func TestUnreadUnitIsReloaded(t *testing.T) {
	h := hosttest.New("h")
	s := ours(t, h)
	hosttest.WithFile("/etc/systemd/system/x.service.d/a.conf", "[Service]\nNice=1\n")(h.Admin())
	d := checked(t, s, h)
	if len(d) != 1 || d[0].Action != change.Reload || d[0].Item != s.Name {
		t.Fatalf("got %+v, want a reload", d)
	}
	if r, err := s.Redo(t.Context(), checked(t, s, h)); err != nil || len(r) != 1 || r[0].Action != change.Restart {
		t.Errorf("to be restarted: got %+v, want a restart", r)
	}
	before := h.Stamps()[s.Name]
	apply(t, s, h)
	if after := h.Stamps()[s.Name]; after != before {
		t.Error("the service was restarted")
	}
	if needsReload(t, h) {
		t.Error("systemd still needs a reload")
	}
}
