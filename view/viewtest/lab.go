package viewtest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/component"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// A Lab is a cluster of hosts in memory, for which real plans can be made.
type Lab struct {
	Cluster *spec.Cluster
	Memory  map[string]*hosttest.Host

	hosts   executor.Hosts
	sources *component.Sources
}

const labSpec = `
locals {
  sha256 = "b9f847ce0ecd4335ae614619118ed80f6d5a77da8206fc67f0b7328ab54cbd5f"
  names  = %q
}
cluster "lab" {
  kubernetes_version = "1.36.3"
  pod_cidr           = "10.128.0.0/10"
  service_cidr       = "10.64.0.0/16"
}
host "cp-1" {
  address = "10.20.0.1"
  roles   = ["control-plane", "etcd"]
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
`

// NewLab is cp-1 and workers, all of them bare, with small files in the
// place of programs and images.
func NewLab(t testing.TB, workers int) *Lab {
	t.Helper()
	dir := t.TempDir()
	programs := spec.ComponentsOf(&spec.Host{Roles: []spec.Role{spec.ControlPlane, spec.Etcd, spec.Worker}})
	if err := os.WriteFile(filepath.Join(dir, "cluster.hcl"), fmt.Appendf(nil, labSpec, strings.Join(programs, " "), workers+1), 0o644); err != nil {
		t.Fatal(err)
	}
	return LoadLab(t, dir)
}

// LoadLab returns the cluster of a spec.
func LoadLab(t testing.TB, path string) *Lab {
	t.Helper()
	c, _, diags := spec.Load(path, spec.Options{})
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
		p.Source, p.SHA256 = put(name, []byte("\x7fELF "+name+strings.Repeat("\n", 1000)))
		c.Components[name] = p
	}
	for i := range c.Images {
		c.Images[i].Source, c.Images[i].SHA256 = put(c.Images[i].Key+".tar", imageOf(c.Images[i].Name))
	}
	l := &Lab{Cluster: c, hosts: executor.Hosts{}, Memory: map[string]*hosttest.Host{}, sources: &component.Sources{Dir: dir}}
	var all []*hosttest.Host
	for _, h := range c.Hosts {
		m := hosttest.New(h.Name, hosttest.WithAddress(h.Address.String()), hosttest.WithFeatures(host.KernelFeature{Name: "wireguard", Loadable: true}))
		l.hosts[h.Name], l.Memory[h.Name] = m, m
		all = append(all, m)
	}
	hosttest.NewCluster(all...)
	return l
}

// imageOf returns the smallest archive of an image.
func imageOf(name string) []byte {
	manifest := fmt.Appendf(nil, `[{"RepoTags":[%q]}]`, name)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "manifest.json", Mode: 0o644, Size: int64(len(manifest))})
	_, _ = w.Write(manifest)
	_ = w.Close() // a buffer takes all
	return b.Bytes()
}

// Plan returns what pmkctl plan -out would save.
func (l *Lab) Plan(t testing.TB) *saved.Plan {
	t.Helper()
	compiled, records := l.compile(t)
	checked := executor.Check(t.Context(), compiled.Graph, l.hosts, func(event.Event) {})
	if _, errs := checked.Failed(); len(errs) > 0 {
		t.Fatal(errs)
	}
	p := &saved.Plan{Made: time.Date(2026, 11, 22, 17, 30, 0, 0, time.UTC), Who: "alice@laptop", Pmkctl: saved.Build{Version: "1.2.3", SHA256: strings.Repeat("ab", 32)},
		Spec: saved.Place{Given: "cluster.hcl"}, Cluster: l.Cluster, Steps: checked.Steps(), Report: compiled.Report()}
	for _, h := range l.Cluster.Hosts {
		p.Hosts = append(p.Hosts, saved.Host{Name: h.Name, HostKey: "SHA256:" + h.Name, OS: "debian 12", Kernel: "6.1.0-32", Arch: "amd64", Record: records[h.Name].Cluster})
	}
	return p
}

func (l *Lab) compile(t testing.TB) (*plan.Compiled, map[string]*state.Record) {
	t.Helper()
	records, ids := map[string]*state.Record{}, map[string]host.Identity{}
	for name, h := range l.hosts {
		r, err := state.Load(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		records[name], ids[name] = r, host.Identity{HostKey: "SHA256:" + name}
	}
	compiled, err := plan.Compile(t.Context(), l.Cluster, plan.World{Hosts: l.hosts, Records: records, Identities: ids, Sources: l.sources})
	if err != nil {
		t.Fatal(err)
	}
	return compiled, records
}

// Apply makes the cluster.
func (l *Lab) Apply(t testing.TB) {
	t.Helper()
	compiled, records := l.compile(t)
	checked := executor.Check(t.Context(), compiled.Graph, l.hosts, func(event.Event) {})
	keepers := map[string]*state.Keeper{}
	for name, h := range l.hosts {
		keepers[name] = state.NewKeeper(h, "run", records[name])
	}
	for _, e := range executor.Apply(t.Context(), checked, l.hosts, executor.Options{Keepers: keepers}, func(event.Event) {}).Failed {
		t.Fatal(e)
	}
}
