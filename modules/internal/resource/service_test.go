package resource_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

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

// A clock that was set back says nothing about what was started when.
func TestClockSetBackRestartsNothing(t *testing.T) {
	h := hosttest.New("h")
	s := ours(t, h)
	h.SetBack(24 * time.Hour)
	s.Unit.Options += "# new\n"
	apply(t, s, h)
	do(t, h, s.Name, host.Restart)
	h.SetBack(24 * time.Hour)
	do(t, h, s.Name, host.Restart)
	if d := checked(t, s, h); len(d) > 0 {
		t.Errorf("got %+v, want nothing", d)
	}
}

// What a process was started with counts, also where the files are back as
// they should be.
func TestProcessWithOtherInputsIsRestarted(t *testing.T) {
	h := hosttest.New("h")
	s := ours(t, h)
	unit := string(h.Peek("/etc/systemd/system/x.service"))
	for _, tt := range []struct{ name, unit string }{
		{"other inputs", strings.Replace(unit, host.InputsVar+"=", host.InputsVar+"=0", 1)},
		{"started by an earlier pmkctl", strings.Replace(unit, "Environment=", "# ", 1)},
	} {
		hosttest.WithFile("/etc/systemd/system/x.service", tt.unit)(h.Admin())
		do(t, h, "", host.Reload)
		do(t, h, s.Name, host.Restart)
		hosttest.WithFile("/etc/systemd/system/x.service", unit)(h.Admin())
		d := checked(t, s, h)
		if len(d) != 1 || d[0].Action != change.Restart {
			t.Errorf("%s: got %+v, want a restart", tt.name, d)
		}
		apply(t, s, h)
	}
}

// A cluster made by a pmkctl that wrote no variable costs one restart.
func TestUnitOfAnEarlierPmkctl(t *testing.T) {
	h := hosttest.New("h")
	s := ours(t, h)
	earlier := regexp.MustCompile("Environment=.*\n").ReplaceAllString(string(h.Peek("/etc/systemd/system/x.service")), "")
	hosttest.WithFile("/etc/systemd/system/x.service", earlier)(h.Admin())
	do(t, h, "", host.Reload)
	do(t, h, s.Name, host.Restart)
	d := checked(t, s, h)
	if len(d) != 2 || d[0].Kind != change.Text || d[1].Action != change.Restart {
		t.Errorf("got %+v, want the unit file and a restart", d)
	}
	apply(t, s, h)
}

// A drop-in that clears the environment leaves no way to judge the process:
// it must not be restarted for ever.
func TestProcessWithoutEnvironment(t *testing.T) {
	h := hosttest.New("h")
	s := ours(t, h)
	hosttest.WithFile("/etc/systemd/system/x.service.d/a.conf", "[Service]\nEnvironment=\n")(h.Admin())
	do(t, h, "", host.Reload)
	do(t, h, s.Name, host.Restart)
	if d := checked(t, s, h); len(d) > 0 {
		t.Errorf("got %+v, want nothing", d)
	}
}
