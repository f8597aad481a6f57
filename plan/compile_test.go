package plan_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/plantest"
)

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
			w := plantest.Load(t, example(t, d.Name()), 1)
			r := w.Apply(t)
			if len(r.Done) < 11*len(w.Memory) || !r.Complete() {
				t.Errorf("%d steps done on %d hosts, %d failed, %d skipped", len(r.Done), len(w.Memory), len(r.Failed), len(r.Skipped))
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
	for i, p := range plantest.Components() {
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
func behind(g *plan.Graph) map[address.Addr]map[address.Addr]bool {
	all := map[address.Addr]map[address.Addr]bool{}
	for _, s := range g.Steps {
		all[s.Addr] = map[address.Addr]bool{}
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
			w := plantest.Workers(t, n, "")
			c, _ := w.Compile(t)
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
			if again, _ := w.Compile(t); !slices.EqualFunc(c.Graph.Steps, again.Graph.Steps, func(a, b *plan.Step) bool {
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
			w := plantest.Workers(t, 5, tt.most)
			w.Apply(t)
			c, _ := w.Compile(t)
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
	w := plantest.Workers(t, 3, "")
	w.Absent["worker-2"] = "excluded"
	c, _ := w.Compile(t)
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
	w.Apply(t)
	if got := w.Memory["worker-2"].Log(); len(got) > 0 {
		t.Errorf("it was changed: %v", got)
	}
	// It joins in the next run.
	delete(w.Absent, "worker-2")
	w.Apply(t)
}

// BenchmarkThousandHosts measures what a run costs the controller without the
// network. The graph grows linearly with the hosts; only their pairs do not.
func BenchmarkThousandHosts(b *testing.B) {
	w := plantest.Workers(b, 999, "")
	b.Run("compile", func(b *testing.B) {
		for b.Loop() {
			c, _ := w.Compile(b)
			b.ReportMetric(float64(len(c.Graph.Steps)), "steps")
		}
	})
	c, _ := w.Compile(b)
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			executor.Check(context.Background(), modulesOf(c.Graph), w.Reached(), plantest.Quiet)
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
