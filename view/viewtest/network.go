package viewtest

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
	"github.com/pmkctl/pmkctl/view/document"
)

// A Network is hosts in memory and a spec of them.
type Network struct {
	Cluster *spec.Cluster
	Hosts   *hosttest.Cluster

	Absent map[string]string // hosts that are not in the run, and why
	failed map[string]error
}

// NewNetwork is cp-1 and worker-1, worker-2, ...: n hosts.
func NewNetwork(n int) *Network {
	w := &Network{Absent: map[string]string{}, failed: map[string]error{}}
	w.Cluster = &spec.Cluster{Name: "lab", API: spec.API{Port: 6443}, Network: spec.Network{Backend: "udp", Port: 8285}}
	var all []*hosttest.Host
	for i := range n {
		h := &spec.Host{Name: fmt.Sprintf("worker-%d", i), Address: netip.AddrFrom4([4]byte{10, 0, byte(i / 200), byte(1 + i%200)}), Roles: []spec.Role{spec.Worker}}
		if i == 0 {
			h.Name, h.Roles = "cp-1", []spec.Role{spec.ControlPlane, spec.Etcd}
		}
		w.Cluster.Hosts = append(w.Cluster.Hosts, h)
		all = append(all, hosttest.New(h.Name, hosttest.WithAddress(h.Address.String()+"/16")))
	}
	w.Hosts = hosttest.NewCluster(all...)
	return w
}

// Drop drops packets; an empty name stands for all hosts.
func (w *Network) Drop(from, to, proto string, port int) {
	w.Hosts.Net.Add(hosttest.Rule{From: from, To: to, Proto: proto, Port: port})
}

// Remove takes a host out of the run.
func (w *Network) Remove(name, why string, err error) {
	w.Absent[name] = why
	if err != nil {
		w.failed[name] = err
	}
}

// Run probes as the command does.
func (w *Network) Run(t *testing.T) (document.PreflightRun, []preflight.Finding) {
	t.Helper()
	world := plan.World{Hosts: map[string]host.Host{}, Records: map[string]*state.Record{}, Absent: w.Absent, ProbesOnly: true}
	for _, h := range w.Cluster.Hosts {
		if w.Absent[h.Name] == "" {
			world.Hosts[h.Name], world.Records[h.Name] = w.Hosts.Host(h.Name), &state.Record{}
		}
	}
	compiled, err := plan.Compile(t.Context(), w.Cluster, world)
	if err != nil {
		t.Fatal(err)
	}
	checked := executor.Check(t.Context(), compiled.Graph, world.Hosts, func(event.Event) {})
	var findings []preflight.Finding
	for _, s := range compiled.Graph.Steps {
		findings = append(findings, checked.Findings[s.Addr]...)
	}
	code := 0
	switch probes, _ := checked.Failed(); {
	case len(probes) > 0:
		code = 4
	case len(w.failed) > 0:
		code = 6
	}
	return document.PreflightRun{Program: "test", Cluster: w.Cluster, Began: time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC), Graph: compiled.Graph, Findings: checked.Findings, Errs: checked.Errs,
		Report: compiled.Report(), Absent: w.Absent, Failed: w.failed, ExitCode: code}, findings
}

// Faults are what may be wrong with a network: nothing, one fault, and
// everything at once.
var Faults = map[string]func(w *Network){
	"healthy": func(*Network) {},
	"one-way": func(w *Network) { w.Drop("worker-2", "worker-1", "udp", 8285) },
	"cut-off": func(w *Network) { w.Drop("worker-2", "", "", 0); w.Drop("", "worker-2", "", 0) },
	"mixed": func(w *Network) {
		w.Drop("worker-2", "worker-1", "udp", 8285)
		w.Hosts.Net.Add(hosttest.Rule{From: "worker-1", To: "cp-1", Proto: "tcp", Port: 6443, Do: hosttest.Refuse})
		w.Hosts.Net.Add(hosttest.Rule{From: "worker-1", To: "worker-2", Proto: "udp", Do: hosttest.Lose})
		for _, h := range []string{"worker-1", "worker-2"} {
			hosttest.WithSocket(host.Socket{Proto: "tcp", Addr: "0.0.0.0", Port: 10256, PID: 77, Process: "</script><b>x"})(w.Hosts.Host(h))
		}
		w.Cluster.Preflight.MinMemory = 1 << 50
		w.Cluster.Preflight.Levels = preflight.Levels{preflight.Memory: preflight.Ignored, preflight.Disk: preflight.Ignored, preflight.SameHostname: preflight.Error, preflight.PortHeld: preflight.Warning}
	},
	"left-out": func(w *Network) {
		for _, h := range w.Cluster.Hosts[len(w.Cluster.Hosts)/2:] {
			w.Remove(h.Name, "unreachable", fmt.Errorf("dial tcp %s:22: i/o timeout", h.Address))
		}
	},
	// A tunnel on the way.
	"small-path": func(w *Network) {
		w.Hosts.Net.Add(hosttest.Rule{From: "worker-1", Over: 1400})
	},
	// Something else on every host: a process with a pid of its own.
	"held": func(w *Network) {
		for i, h := range w.Cluster.Hosts {
			hosttest.WithSocket(host.Socket{Proto: "tcp", Addr: "0.0.0.0", Port: 10250, PID: 1000 + i, Process: "k3s"})(w.Hosts.Host(h.Name))
		}
	},
	// A firewall between two halves that was forgotten.
	"halves": func(w *Network) {
		all := w.Cluster.Hosts
		for i, from := range all {
			for j, to := range all {
				if (i < len(all)/2) != (j < len(all)/2) {
					w.Drop(from.Name, to.Name, "udp", 8285)
				}
			}
		}
	},
	// One pair in twenty.
	"scattered": func(w *Network) {
		all := w.Cluster.Hosts
		for i, from := range all {
			for j, to := range all {
				if (i*7+j*13)%20 == 0 {
					w.Drop(from.Name, to.Name, "udp", 8285)
				}
			}
		}
	},
}
