package plan_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/component"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// A world is a checked spec and its hosts in memory.
type world struct {
	*spec.Cluster
	hosts   map[string]*hosttest.Host
	sources *component.Sources
	absent  map[string]string
}

// load reads a spec, replaces its programs and images by small files, and makes a
// bare host in memory for each of its hosts.
func load(t testing.TB, path string, opts spec.Options) *world {
	t.Helper()
	c, _, diags := spec.Load(path, opts)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	dir := t.TempDir()
	put := func(name string, content []byte) (source, digest string) {
		source = filepath.Join(dir, name)
		if err := os.WriteFile(source, content, 0o644); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		return source, hex.EncodeToString(sum[:])
	}
	for name, p := range c.Components {
		p.Source, p.SHA256 = put(name, []byte("\x7fELF "+name+"\n"))
		c.Components[name] = p
	}
	for i := range c.Images {
		c.Images[i].Source, c.Images[i].SHA256 = put(c.Images[i].Key+".tar", archive(c.Images[i].Name))
	}
	w := &world{Cluster: c, hosts: map[string]*hosttest.Host{}, sources: &component.Sources{Dir: dir}, absent: map[string]string{}}
	var all []*hosttest.Host
	for _, h := range c.Hosts {
		w.hosts[h.Name] = hosttest.New(h.Name, hosttest.WithAddress(h.Address.String()),
			hosttest.WithFeatures(host.KernelFeature{Name: "wireguard", Loadable: true}, host.KernelFeature{Name: "vxlan", Loadable: true}))
		all = append(all, w.hosts[h.Name])
	}
	hosttest.NewCluster(all...)
	return w
}

// archive is the smallest archive of an image.
func archive(name string) []byte {
	manifest := fmt.Appendf(nil, `[{"RepoTags":[%q]}]`, name)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "manifest.json", Mode: 0o644, Size: int64(len(manifest))})
	_, _ = w.Write(manifest)
	_ = w.Close() // a buffer takes all
	return b.Bytes()
}

// workers is a spec of one control-plane host and n workers.
func workers(t testing.TB, n int, more string) *world {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf(`
locals {
  sha256 = "b9f847ce0ecd4335ae614619118ed80f6d5a77da8206fc67f0b7328ab54cbd5f"
  names  = %q
}
cluster "test" {
  kubernetes_version = "1.36.3"
  pod_cidr           = "10.128.0.0/10"
  service_cidr       = "10.64.0.0/16"
  %s
}
host "cp-1" {
  address = "10.20.0.1"
  roles   = ["control-plane", "etcd", "worker"]
}
host "workers" {
  for_each = { for i in range(1, %d) : "worker-${i}" => cidrhost("10.20.0.0/16", i + 1) }
  address  = each.value
}
component "all" {
  for_each = toset(split(" ", local.names))
  source   = each.key
  sha256   = local.sha256
}
image "all" {
  for_each = { pause = "registry.k8s.io/pause:3.10.2", coredns = "registry.k8s.io/coredns/coredns:v1.14.7" }
  name     = each.value
  source   = each.key
  sha256   = local.sha256
}
`, strings.Join(spec.ComponentsOf(&spec.Host{Roles: []spec.Role{spec.ControlPlane, spec.Etcd, spec.Worker}}), " "), more, n+1)
	if err := os.WriteFile(filepath.Join(dir, "cluster.hcl"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return load(t, dir, spec.Options{})
}

// reached returns the hosts that are not absent.
func (w *world) reached() executor.Hosts {
	hosts := executor.Hosts{}
	for name, h := range w.hosts {
		if w.absent[name] == "" {
			hosts[name] = h
		}
	}
	return hosts
}

// compile reads the records and makes the graph.
func (w *world) compile(t testing.TB) (*plan.Compiled, map[string]*state.Record) {
	t.Helper()
	ctx := context.Background()
	records := map[string]*state.Record{}
	ids := map[string]host.Identity{}
	for name, h := range w.reached() {
		r, err := state.Load(ctx, h)
		if err != nil {
			t.Fatal(err)
		}
		records[name], ids[name] = r, host.Identity{HostKey: "SHA256:" + name}
	}
	c, err := plan.Compile(ctx, w.Cluster, plan.World{Hosts: w.reached(), Records: records, Identities: ids, Absent: w.absent, Sources: w.sources})
	if err != nil {
		t.Fatal(err)
	}
	return c, records
}

func quiet(event.Event) {}

// check checks all steps and fails the test if a probe finds something.
func (w *world) check(t testing.TB, g *plan.Graph) *executor.Checked {
	t.Helper()
	c := executor.Check(context.Background(), g, w.reached(), quiet)
	if probes, errs := c.Failed(); len(probes)+len(errs) > 0 {
		for _, p := range probes {
			t.Errorf("%s: %+v", p, c.Findings[p])
		}
		t.Fatal(errs)
	}
	return c
}

// apply applies everything and fails the test if something differs after it.
func (w *world) apply(t testing.TB) *executor.Result {
	t.Helper()
	ctx := context.Background()
	c, records := w.compile(t)
	checked := w.check(t, c.Graph)
	keepers := map[string]*state.Keeper{}
	for name, h := range w.reached() {
		keepers[name] = state.NewKeeper(h, "run", records[name])
	}
	r := executor.Apply(ctx, checked, w.reached(), executor.Options{Keepers: keepers}, quiet)
	for _, e := range r.Failed {
		t.Error(e)
	}
	again, _ := w.compile(t)
	for _, s := range w.check(t, again.Graph).Pending() {
		t.Errorf("%s differs after the apply", s.Addr)
	}
	return r
}

// TestExamples plans every example against hosts in memory, applies it, and
// finds nothing more to do.
func TestExamples(t *testing.T) {
	dirs, err := os.ReadDir("../examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		t.Run(d.Name(), func(t *testing.T) {
			t.Parallel()
			w := load(t, example(t, d.Name()), spec.Options{})
			r := w.apply(t)
			if len(r.Done) < 11*len(w.hosts) || !r.Complete() {
				t.Errorf("%d steps done on %d hosts, %d failed, %d skipped", len(r.Done), len(w.hosts), len(r.Failed), len(r.Skipped))
			}
		})
	}
}

// example returns the folder of an example. For the lab it is a copy with the files
// that lab-up writes.
func example(t *testing.T, name string) string {
	t.Helper()
	from := filepath.Join("../examples", name)
	if name != "lab" {
		return from
	}
	dir := t.TempDir()
	src, err := os.ReadFile(filepath.Join(from, "cluster.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	parts := `"components": {`
	for i, p := range spec.ComponentsOf(&spec.Host{Roles: []spec.Role{spec.ControlPlane, spec.Etcd, spec.Worker}}) {
		version := map[string]string{"containerd": "2.3.7", "containerd-shim-runc-v2": "2.3.7", "ctr": "2.3.7", "runc": "1.5.2",
			"etcd": "3.6.8", "flanneld": "0.28.10", "bridge": "1.9.1", "host-local": "1.9.1", "loopback": "1.9.1", "portmap": "1.9.1"}[p]
		if version == "" {
			version = "1.36.3"
		}
		if i > 0 {
			parts += ","
		}
		parts += fmt.Sprintf(`%q: {"version": %q, "source": %q, "sha256": "%064d"}`, p, version, p, i)
	}
	parts += `}, "images": {
		"pause": {"name": "registry.k8s.io/pause:3.10.2", "source": "pause.tar", "sha256": "` + strings.Repeat("a", 64) + `"},
		"coredns": {"name": "registry.k8s.io/coredns/coredns:v1.14.7", "source": "coredns.tar", "sha256": "` + strings.Repeat("b", 64) + `"}}`
	var hosts []string
	for i, h := range []string{"cp-1", "worker-1", "worker-2"} {
		hosts = append(hosts, fmt.Sprintf(`{"name": %q, "container": "pmk-lab-%s", "ssh_address": "127.0.0.1", "ssh_port": %d, "user": "root", "become": "none", "address": "192.0.2.%d"}`, h, h, 22010+i, 10+i))
	}
	for name, text := range map[string]string{"cluster.hcl": string(src), "hosts.json": "[" + strings.Join(hosts, ",") + "]", "components.json": "{" + parts + "}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// behind returns for each step all steps that it waits for, directly or not.
func behind(g *plan.Graph) map[address.Step]map[address.Step]bool {
	all := map[address.Step]map[address.Step]bool{}
	for _, s := range g.Steps {
		all[s.Addr] = map[address.Step]bool{}
		for _, a := range s.After {
			all[s.Addr][a] = true
			maps.Copy(all[s.Addr], all[a])
		}
	}
	return all
}

// TestGraph checks what is true of every graph, with any number of hosts.
func TestGraph(t *testing.T) {
	for _, n := range []int{0, 2, 99} {
		t.Run(fmt.Sprintf("%d hosts", n+1), func(t *testing.T) {
			w := workers(t, n, "")
			c, _ := w.compile(t)
			waits := behind(c.Graph)
			probes := 0
			for _, s := range c.Graph.Steps {
				changes := s.Work != nil
				switch {
				case changes && !waits[s.Addr][plan.Gate]:
					t.Errorf("%s changes something before the gate", s.Addr)
				case !changes && s.Addr != plan.Gate:
					probes++
					if !waits[plan.Gate][s.Addr] {
						t.Errorf("the gate does not wait for %s", s.Addr)
					}
				}
				if changes && s.Addr.Host == "" {
					t.Errorf("%s is a change without a host", s.Addr)
				}
				if s.Source.Filename == "" {
					t.Errorf("%s has no place in the spec", s.Addr)
				}
			}
			if probes != n+2 {
				t.Errorf("%d probes, want one for each host and connectivity", probes)
			}
			// On bare hosts, workers do not wait for each other, except for the probes.
			for a, before := range waits {
				for b := range before {
					if strings.HasPrefix(a.Host, "worker") && strings.HasPrefix(b.Host, "worker") && a.Host != b.Host && b.Module != "preflight" {
						t.Errorf("%s waits for %s", a, b)
					}
				}
			}
			if again, _ := w.compile(t); !slices.EqualFunc(c.Graph.Steps, again.Graph.Steps, func(a, b *plan.Step) bool {
				return a.Addr == b.Addr && slices.Equal(a.After, b.After)
			}) {
				t.Error("the order differs from one compilation to the next")
			}
		})
	}
}

// TestHostsTakeTurns: on a live cluster, at most max_unavailable hosts restart
// kubelets and containerds at a time.
func TestHostsTakeTurns(t *testing.T) {
	tests := []struct {
		most string
		n    int
	}{{"max_unavailable = 1", 1}, {"max_unavailable = 2", 2}, {"max_unavailable = 10", 10}}
	for _, tt := range tests {
		t.Run(tt.most, func(t *testing.T) {
			w := workers(t, 5, tt.most)
			w.apply(t)
			c, _ := w.compile(t)
			waits := behind(c.Graph)
			names := []string{"cp-1", "worker-1", "worker-2", "worker-3", "worker-4", "worker-5"}
			for i, name := range names {
				for j, other := range names {
					got := waits[address.Of("containerd", name)][address.Of("node", other)]
					if want := j+tt.n <= i && (i-j)%tt.n == 0; got != want {
						t.Errorf("containerd.%s waits for node.%s: %v, want %v", name, other, got, want)
					}
				}
			}
		})
	}
}

// TestAbsent: an absent host has no step, and no step waits for one.
func TestAbsent(t *testing.T) {
	w := workers(t, 3, "")
	w.absent["worker-2"] = "excluded"
	c, _ := w.compile(t)
	for _, s := range c.Graph.Steps {
		if s.Addr.Host == "worker-2" {
			t.Errorf("there is a step %s", s.Addr)
		}
		for _, a := range s.After {
			if a.Host == "worker-2" {
				t.Errorf("%s waits for %s", s.Addr, a)
			}
		}
	}
	w.apply(t)
	if got := w.hosts["worker-2"].Log(); len(got) > 0 {
		t.Errorf("it was changed: %v", got)
	}
	// It joins in the next run.
	delete(w.absent, "worker-2")
	w.apply(t)
}

// BenchmarkThousandHosts measures what a run costs the controller without the
// network. The graph grows linearly with the hosts; only their pairs do not.
func BenchmarkThousandHosts(b *testing.B) {
	w := workers(b, 999, "")
	b.Run("compile", func(b *testing.B) {
		for b.Loop() {
			c, _ := w.compile(b)
			b.ReportMetric(float64(len(c.Graph.Steps)), "steps")
		}
	})
	c, _ := w.compile(b)
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			executor.Check(context.Background(), modulesOf(c.Graph), w.reached(), quiet)
		}
	})
}

// modulesOf returns the graph without probes: a million pairs in one process show
// nothing about a million pairs between hosts.
func modulesOf(g *plan.Graph) *plan.Graph {
	only := &plan.Graph{}
	for _, s := range g.Steps {
		if s.Work != nil {
			only.Steps = append(only.Steps, s)
		}
	}
	return only
}
