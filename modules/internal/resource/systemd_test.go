package resource_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/oshost"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// realSystemd returns this machine, if the test may change its systemd.
func realSystemd(t *testing.T) *oshost.Host {
	t.Helper()
	if os.Getenv("PMKCTL_TEST_SYSTEMD") == "" {
		t.Skip("changes this machine's systemd: needs PMKCTL_TEST_SYSTEMD=1")
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil || os.Geteuid() != 0 {
		t.Skip("needs systemd as process 1, and root")
	}
	h := oshost.New(oshost.Options{StateDir: filepath.Join(t.TempDir(), "state")})
	t.Cleanup(func() { h.Close() })
	return h
}

// sleeper returns a service that does nothing. It is removed when the test ends.
func sleeper(t *testing.T, h *oshost.Host, name string) resource.Service {
	t.Helper()
	t.Cleanup(func() {
		for _, do := range []host.UnitAction{host.Stop, host.Disable} {
			if err := h.Unit(context.Background(), name, do); err != nil {
				t.Log(err)
			}
		}
		if err := os.Remove("/etc/systemd/system/" + name); err != nil {
			t.Log(err)
		}
		if err := h.Unit(context.Background(), "", host.Reload); err != nil {
			t.Error(err)
		}
	})
	return resource.Service{Name: name, Unit: resource.Unit{Description: "pmkctl test", Type: "exec", Argv: []string{"/bin/sleep", "infinity"}}}
}

// systemd 257 reports for all units that it needs a reload after one was enabled.
func TestRealSystemdIsReloaded(t *testing.T) {
	h := realSystemd(t)
	first, second := sleeper(t, h, "pmkctl-test-1.service"), sleeper(t, h, "pmkctl-test-2.service")
	for _, s := range []resource.Service{first, second} {
		d, err := s.Check(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(t.Context(), h, d); err != nil {
			t.Fatal(err)
		}
	}
	units, err := h.Units(t.Context(), []string{first.Name, second.Name})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range []resource.Service{first, second} {
		if units[i].NeedReload {
			t.Errorf("%s needs a reload", s.Name)
		}
		if with := units[i].StartedWith; with == nil || *with == "" {
			t.Errorf("the process of %s does not tell what it was started with", s.Name)
		}
		if d, err := s.Check(t.Context(), h); err != nil || len(d) > 0 {
			t.Errorf("%s after Apply: %v, %v", s.Name, d, err)
		}
	}
}
