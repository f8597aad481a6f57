package plan_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/plantest"
	"github.com/pmkctl/pmkctl/spec"
)

// everything is one host of all roles whose spec declares every component
// there is.
func everything(t *testing.T) *plantest.World {
	t.Helper()
	return plantest.Declaring(t, spec.AllComponents(), 0, "")
}

// TestFootprints: the components that a plan installs are those whose
// footprints are removed.
func TestFootprints(t *testing.T) {
	all := plan.Footprints()
	c, _ := everything(t).Compile(t)
	found := map[string]bool{}
	for _, s := range c.Graph.Steps {
		m, ok := s.Work.(modules.Resident)
		if !ok {
			continue
		}
		found[m.Footprint().Unit] = true
		if unit := m.Footprint().Unit; !slices.ContainsFunc(all, func(f modules.Footprint) bool { return f.Unit == unit }) {
			t.Errorf("plan.Footprints lacks the module of the step %s", s.Addr)
		}
	}
	for _, f := range all {
		if !found[f.Unit] {
			t.Errorf("no step of a plan installs %s", f.Unit)
		}
	}
}

// TestServicesStart: with all components declared every service finds its
// program, its user and its files.
func TestServicesStart(t *testing.T) { everything(t).Apply(t) }

// TestPortsOfServices: preflight looks if the ports of each service are free.
func TestPortsOfServices(t *testing.T) {
	w := everything(t)
	ports := plan.Ports(w.Cluster, w.Hosts[0])
	for _, f := range plan.Footprints() {
		if f.Unit == "containerd.service" { // it binds no port
			continue
		}
		if !slices.ContainsFunc(ports, func(p preflight.Port) bool { return p.Unit == f.Unit }) {
			t.Errorf("plan.Ports has no port of %s; if it binds none, except it here", f.Unit)
		}
	}
}

// TestSettingsArrive: what the spec passes through to a component is in a file
// on the host.
func TestSettingsArrive(t *testing.T) {
	w := everything(t)
	marks := mark(&w.Settings)
	c, _ := w.Compile(t)
	var files strings.Builder
	for _, d := range w.Check(t, c.Graph).Diffs {
		for _, change := range d {
			files.WriteString(change.Want)
		}
	}
	for field, text := range marks {
		if !strings.Contains(files.String(), text) {
			t.Errorf("no module gets what the spec says in Settings.%s", field)
		}
	}
}

// mark has every block of settings pass through a text of its own, in each of
// the ways that there are. It returns the texts by field.
func mark(s *spec.Settings) map[string]string {
	marks := map[string]string{}
	for name, p := range passthroughs(s) {
		text := "mark-of-" + name
		marks[name] = text
		p.Config, p.Flags = modules.Fields{"mark": text}, map[string]string{"mark": text}
	}
	return marks
}

func passthroughs(s *spec.Settings) map[string]*spec.Passthrough {
	list := map[string]*spec.Passthrough{}
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		field := v.Field(i)
		if embedded := field.FieldByName("Passthrough"); embedded.IsValid() {
			field = embedded
		}
		if p, ok := field.Addr().Interface().(*spec.Passthrough); ok {
			list[v.Type().Field(i).Name] = p
		}
	}
	return list
}
