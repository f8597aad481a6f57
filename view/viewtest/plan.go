package viewtest

import (
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/plan/plantest"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
)

// Workers returns the cluster "lab" of cp-1, which is no worker, and n workers.
func Workers(t testing.TB, n int) *plantest.World {
	t.Helper()
	w := plantest.Workers(t, n, "")
	w.Name, w.Hosts[0].Roles = "lab", []spec.Role{spec.ControlPlane, spec.Etcd}
	return w
}

// Plan returns what pmkctl plan -out would save.
func Plan(t testing.TB, w *plantest.World) *saved.Plan {
	t.Helper()
	compiled, records := w.Compile(t)
	checked := w.Check(t, compiled.Graph)
	p := &saved.Plan{Made: time.Date(2026, 11, 22, 17, 30, 0, 0, time.UTC), Who: "alice@laptop", Pmkctl: saved.Build{Version: "1.2.3", SHA256: strings.Repeat("ab", 32)},
		Spec: saved.SpecPath{Given: "cluster.hcl"}, Cluster: w.Cluster, Steps: checked.Steps(), Report: compiled.Report()}
	for _, h := range w.Cluster.Hosts {
		p.Hosts = append(p.Hosts, saved.Host{Name: h.Name, HostKey: "SHA256:" + h.Name, OS: "debian 12", Kernel: "6.1.0-32", Arch: "amd64", Record: records[h.Name].Cluster})
	}
	return p
}
