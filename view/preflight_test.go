package view_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
	"github.com/pmkctl/pmkctl/view"
)

func init() {
	if flag.Lookup("update") == nil { // the package's other tests may have it
		flag.Bool("update", false, "rewrite the goldens")
	}
}

func updating() bool { return flag.Lookup("update").Value.String() == "true" }

// A network is hosts in memory and a spec of them.
type network struct {
	cluster *spec.Cluster
	hosts   *hosttest.Cluster
	left    map[string]string
	failed  map[string]error
}

// newNetwork is cp-1 and worker-1, worker-2, ...: n hosts.
func newNetwork(n int) *network {
	w := &network{left: map[string]string{}, failed: map[string]error{}}
	w.cluster = &spec.Cluster{Name: "lab", API: spec.API{Port: 6443}, Network: spec.Network{Backend: "udp", Port: 8285}}
	var all []*hosttest.Host
	for i := range n {
		h := &spec.Host{Name: fmt.Sprintf("worker-%d", i), Address: netip.AddrFrom4([4]byte{10, 0, byte(i / 200), byte(1 + i%200)}), Roles: []spec.Role{spec.Worker}}
		if i == 0 {
			h.Name, h.Roles = "cp-1", []spec.Role{spec.ControlPlane, spec.Etcd}
		}
		w.cluster.Hosts = append(w.cluster.Hosts, h)
		all = append(all, hosttest.New(h.Name, hosttest.WithAddress(h.Address.String()+"/16")))
	}
	w.hosts = hosttest.NewCluster(all...)
	return w
}

func (w *network) drop(from, to, proto string, port int) {
	w.hosts.Net.Add(hosttest.Rule{From: from, To: to, Proto: proto, Port: port})
}

// leave takes a host out.
func (w *network) leave(name, why string, err error) {
	w.left[name] = why
	if err != nil {
		w.failed[name] = err
	}
}

// run probes, as the command does.
func (w *network) run(t *testing.T) (view.PreflightRun, change.Diff) {
	t.Helper()
	world := plan.World{Hosts: map[string]host.Host{}, Records: map[string]*state.Record{}, Left: w.left, ProbesOnly: true}
	for _, h := range w.cluster.Hosts {
		if w.left[h.Name] == "" {
			world.Hosts[h.Name], world.Records[h.Name] = w.hosts.Host(h.Name), &state.Record{}
		}
	}
	compiled, err := plan.Compile(t.Context(), w.cluster, world)
	if err != nil {
		t.Fatal(err)
	}
	checked := executor.Check(t.Context(), compiled.Graph, world.Hosts, func(event.Event) {})
	var findings change.Diff
	for _, s := range compiled.Graph.Steps {
		findings = append(findings, checked.Diffs[s.Addr]...)
	}
	code := 0
	switch probes, _ := checked.Failed(); {
	case len(probes) > 0:
		code = 4
	case len(w.failed) > 0:
		code = 6
	}
	return view.PreflightRun{Program: "test", Cluster: w.cluster, Began: time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC), Checked: checked,
		Report: compiled.Report(), Left: w.left, Failed: w.failed, ExitCode: code}, findings
}

// text is the report on a terminal.
func (w *network) text(t *testing.T) string {
	t.Helper()
	r, findings := w.run(t)
	var b bytes.Buffer
	if err := view.PreflightLevels(&b, w.cluster.Preflight.Levels, view.NewStyle(false)); err != nil {
		t.Fatal(err)
	}
	if err := view.Preflight(&b, findings, r.Report, len(w.cluster.Hosts)-len(w.left), view.NewStyle(false)); err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`\d+\.\d s\)`).ReplaceAllString(b.String(), "TIME)")
}

// healthy, one fault, and everything at once.
var faults = map[string]func(w *network){
	"healthy": func(*network) {},
	"one-way": func(w *network) { w.drop("worker-2", "worker-1", "udp", 8285) },
	"cut-off": func(w *network) { w.drop("worker-2", "", "", 0); w.drop("", "worker-2", "", 0) },
	"mixed": func(w *network) {
		w.drop("worker-2", "worker-1", "udp", 8285)
		w.hosts.Net.Add(hosttest.Rule{From: "worker-1", To: "cp-1", Proto: "tcp", Port: 6443, Do: hosttest.Refuse})
		w.hosts.Net.Add(hosttest.Rule{From: "worker-1", To: "worker-2", Proto: "udp", Do: hosttest.Lose})
		for _, h := range []string{"worker-1", "worker-2"} {
			hosttest.WithSocket(host.Socket{Proto: "tcp", Addr: "0.0.0.0", Port: 10256, PID: 77, Process: "</script><b>x"})(w.hosts.Host(h))
		}
		w.cluster.Preflight.MinMemory = 1 << 50
		w.cluster.Preflight.Levels = preflight.Levels{preflight.Memory: change.Ignored, preflight.Disk: change.Ignored, preflight.SameHostname: change.Error, preflight.PortHeld: change.Warning}
	},
	"left-out": func(w *network) {
		for _, h := range w.cluster.Hosts[len(w.cluster.Hosts)/2:] {
			w.leave(h.Name, "unreachable", fmt.Errorf("dial tcp %s:22: i/o timeout", h.Address))
		}
	},
	// A tunnel on the way.
	"small-path": func(w *network) {
		w.hosts.Net.Add(hosttest.Rule{From: "worker-1", Over: 1400})
	},
	// Something else on every host: a process with a pid of its own.
	"held": func(w *network) {
		for i, h := range w.cluster.Hosts {
			hosttest.WithSocket(host.Socket{Proto: "tcp", Addr: "0.0.0.0", Port: 10250, PID: 1000 + i, Process: "k3s"})(w.hosts.Host(h.Name))
		}
	},
	// A firewall between two halves, of which nobody thought.
	"halves": func(w *network) {
		all := w.cluster.Hosts
		for i, from := range all {
			for j, to := range all {
				if (i < len(all)/2) != (j < len(all)/2) {
					w.drop(from.Name, to.Name, "udp", 8285)
				}
			}
		}
	},
	// One pair in twenty.
	"scattered": func(w *network) {
		all := w.cluster.Hosts
		for i, from := range all {
			for j, to := range all {
				if (i*7+j*13)%20 == 0 {
					w.drop(from.Name, to.Name, "udp", 8285)
				}
			}
		}
	},
}

// screen is what people see without scrolling.
const screen = 40

func TestPreflightFitsAScreen(t *testing.T) {
	for _, n := range []int{3, 100} {
		for name, fault := range faults {
			t.Run(fmt.Sprintf("%s-%d", name, n), func(t *testing.T) {
				w := newNetwork(n)
				fault(w)
				got := w.text(t)
				if lines := strings.Count(got, "\n"); lines > screen {
					t.Errorf("%d lines for %d hosts, more than the %d of a screen", lines, n, screen)
				}
				golden(t, filepath.Join("testdata", fmt.Sprintf("preflight-%s-%d.txt", name, n)), got)
			})
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if updating() {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func asJSON(t *testing.T, r view.PreflightRun) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := view.PreflightJSON(&b, view.NewPreflightDoc(r)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPreflightSchema keeps docs/schema/preflight.json and what is written in
// step: nothing is missing, and nothing is there that is not described.
func TestPreflightSchema(t *testing.T) {
	schema := strictSchema(t, "preflight.json")
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			w := newNetwork(4)
			fault(w)
			r, _ := w.run(t)
			checkSchema(t, schema, asJSON(t, r))
		})
	}
	t.Run("no report", func(t *testing.T) {
		r, _ := newNetwork(3).run(t)
		r.Report, r.ExitCode = nil, 130
		r.Checked.Errs[plan.Connectivity] = &executor.Error{Step: plan.Connectivity, Op: executor.OpCheck, Err: fmt.Errorf("context canceled")}
		checkSchema(t, schema, asJSON(t, r))
	})
}

// strictSchema is a schema of docs/schema, with all that it does not name forbidden.
func strictSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open("../docs/schema/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	forbid(doc)
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func forbid(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, object := v["properties"].(map[string]any); object {
			v["additionalProperties"] = false
		}
		for value := range maps.Values(v) {
			forbid(value)
		}
	case []any:
		for _, value := range v {
			forbid(value)
		}
	}
}

func checkSchema(t *testing.T, s *jsonschema.Schema, text []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
}

// TestPreflightJSON reads the document as programs would.
func TestPreflightJSON(t *testing.T) {
	w := newNetwork(4)
	faults["mixed"](w)
	w.leave("worker-3", "unreachable", fmt.Errorf("no answer"))
	r, _ := w.run(t)
	var doc struct {
		view.PreflightDoc
		Edges []view.DocEdge `json:"edges"`
	}
	if err := json.Unmarshal(asJSON(t, r), &doc); err != nil {
		t.Fatal(err)
	}
	if want := plan.Edges(w.cluster); len(doc.Edges) != len(want) {
		t.Errorf("%d edges, want all %d", len(doc.Edges), len(want))
	}
	find := func(from, to, port string) string {
		for _, e := range doc.Edges {
			if e.From == from && e.To == to && fmt.Sprintf("%d/%s", e.Port, e.Protocol) == port {
				return e.Verdict
			}
		}
		return "missing"
	}
	for _, tt := range []struct{ from, to, port, want string }{
		{"worker-2", "worker-1", "8285/udp", "filtered"}, {"worker-1", "worker-2", "8285/udp", "lossy"},
		{"worker-1", "cp-1", "6443/tcp", "refused"}, {"worker-2", "cp-1", "6443/tcp", "ok"}, {"worker-3", "cp-1", "6443/tcp", "not probed"},
	} {
		if got := find(tt.from, tt.to, tt.port); got != tt.want {
			t.Errorf("%s -> %s %s: got %s, want %s", tt.from, tt.to, tt.port, got, tt.want)
		}
	}
	s := doc.Summary
	if s.OK+s.Lossy+s.Failed+s.NotProbed != s.Edges || s.Failed != 2 || s.Lossy != 1 || s.LeftOut != 1 || s.Hosts != 4 {
		t.Errorf("summary %+v", s)
	}
	if doc.Verdict != "failed" || doc.ExitCode != 4 || doc.LeftOut[0].Error != "no answer" {
		t.Errorf("verdict %q, exit code %d, left out %+v", doc.Verdict, doc.ExitCode, doc.LeftOut)
	}
	if len(doc.Statements) == 0 || doc.Statements[0].Verdict == "lossy" {
		t.Errorf("statements %+v", doc.Statements)
	}
	for _, f := range doc.Findings {
		if f.ID == preflight.Memory && (f.Level != "ignored" || len(f.Hosts) != 3) {
			t.Errorf("memory: %+v, want it ignored on 3 hosts", f)
		}
	}
}
