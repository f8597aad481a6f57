package plantest

import (
	"path/filepath"
	"testing"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/component"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// A World is a checked spec and its hosts in memory.
type World struct {
	*spec.Cluster
	Memory  map[string]*hosttest.Host // by name
	Sources *component.Sources
	Absent  map[string]string // hosts that are not in the run, and why
}

// Load reads the spec at path and makes a bare host in memory for each of its
// hosts. Each program ends with so many line breaks.
func Load(t testing.TB, path string, lines int) *World {
	t.Helper()
	c := load(t, path)
	w := &World{Cluster: c, Memory: map[string]*hosttest.Host{}, Sources: &component.Sources{Dir: t.TempDir()}, Absent: map[string]string{}}
	for name, p := range c.Components {
		p.Source = filepath.Join(w.Sources.Dir, name)
		p.SHA256 = write(t, p.Source, program(name, lines))
		c.Components[name] = p
	}
	for i := range c.Images {
		image := &c.Images[i]
		image.Source = filepath.Join(w.Sources.Dir, image.Key+".tar")
		image.SHA256 = write(t, image.Source, Image(image.Name))
	}
	var all []*hosttest.Host
	for _, h := range c.Hosts {
		m := hosttest.New(h.Name, hosttest.WithAddress(h.Address.String()),
			hosttest.WithFeatures(host.KernelFeature{Name: "wireguard", Loadable: true}, host.KernelFeature{Name: "vxlan", Loadable: true}))
		w.Memory[h.Name], all = m, append(all, m)
	}
	hosttest.NewCluster(all...)
	return w
}

// Bare returns the graph of a spec whose hosts are all bare.
func Bare(t testing.TB, path string) *plan.Graph {
	t.Helper()
	g, err := plan.CompileBare(t.Context(), load(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func load(t testing.TB, path string) *spec.Cluster {
	t.Helper()
	c, _, diags := spec.Load(path, spec.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return c
}

// Reached returns the hosts that are not absent.
func (w *World) Reached() executor.Hosts {
	hosts := executor.Hosts{}
	for name, h := range w.Memory {
		if w.Absent[name] == "" {
			hosts[name] = h
		}
	}
	return hosts
}

// Compile reads the records and makes the graph.
func (w *World) Compile(t testing.TB) (*plan.Compiled, map[string]*state.Record) {
	t.Helper()
	records, ids := map[string]*state.Record{}, map[string]host.Identity{}
	for name, h := range w.Reached() {
		r, err := state.Load(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		records[name], ids[name] = r, host.Identity{HostKey: "SHA256:" + name}
	}
	c, err := plan.Compile(t.Context(), w.Cluster, plan.World{Hosts: w.Reached(), Records: records, Identities: ids, Absent: w.Absent, Sources: w.Sources})
	if err != nil {
		t.Fatal(err)
	}
	return c, records
}

// Check fails the test if a probe or a check does.
func (w *World) Check(t testing.TB, g *plan.Graph) *executor.Checked {
	t.Helper()
	c := executor.Check(t.Context(), g, w.Reached(), Quiet)
	if probes, errs := c.Failed(); len(probes)+len(errs) > 0 {
		for _, p := range probes {
			t.Errorf("%s: %+v", p, c.Findings[p])
		}
		t.Fatal(errs)
	}
	return c
}

// Apply makes all pending changes. The test fails if a step does, and if
// something still differs.
func (w *World) Apply(t testing.TB) *executor.Result {
	t.Helper()
	c, records := w.Compile(t)
	r := executor.Apply(t.Context(), w.Check(t, c.Graph), w.Reached(), executor.Options{Keepers: w.Keepers(records)}, Quiet)
	for _, e := range r.Failed {
		t.Error(e)
	}
	again, _ := w.Compile(t)
	for _, s := range w.Check(t, again.Graph).Pending() {
		t.Errorf("%s differs after the apply", s.Addr)
	}
	return r
}

// Keepers returns a keeper for each of the records.
func (w *World) Keepers(records map[string]*state.Record) map[string]*state.Keeper {
	keepers := map[string]*state.Keeper{}
	for name, r := range records {
		keepers[name] = state.NewKeeper(w.Memory[name], "run", r)
	}
	return keepers
}

// Quiet takes the events of a run.
func Quiet(event.Event) {}
