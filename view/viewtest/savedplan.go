package viewtest

import (
	"net/netip"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// SavedPlan returns a plan that has something of everything.
func SavedPlan() *saved.Plan {
	sha := strings.Repeat("0123456789abcdef", 4)
	host := func(name, addr string, roles ...spec.Role) *spec.Host {
		return &spec.Host{Name: name, Address: netip.MustParseAddr(addr), Roles: roles}
	}
	at := func(line int) hcl.Range { return hcl.Range{Filename: "cluster.hcl", Start: hcl.Pos{Line: line}} }
	return &saved.Plan{
		Made: time.Date(2026, 11, 22, 17, 30, 59, 0, time.UTC), Who: "alice@laptop", Pmkctl: saved.Build{Version: "1.2.3", SHA256: sha},
		Cluster: &spec.Cluster{Name: "lab", Version: "1.36.3", Hosts: []*spec.Host{
			host("cp-1", "192.0.2.1", spec.ControlPlane, spec.Etcd), host("worker-1", "192.0.2.11", spec.Worker),
			host("worker-2", "192.0.2.12", spec.Worker), host("worker-3", "192.0.2.13", spec.Worker)}},
		Secrets: []saved.Secret{{Fields: []string{"cp-1.become_password"}, Inputs: []string{"sudo"}}, {Fields: []string{"worker-1.become_password"}}},
		Hosts: []saved.Host{
			{Name: "cp-1", HostKey: "SHA256:a", MachineID: "11", BootID: "b1", OS: "debian 12", Kernel: "6.1.0", Arch: "amd64", Record: state.Cluster{ID: "77", Name: "lab"}},
			{Name: "worker-1", HostKey: "SHA256:b", MachineID: "12"}, {Name: "worker-2", HostKey: "SHA256:c", MachineID: "13"}},
		Absent: map[string]string{"worker-3": "excluded"},
		Steps: []saved.Step{
			{Addr: address.MustParse("preflight.cp-1"), Kind: saved.Probe, Source: at(3), Findings: []preflight.Finding{
				{ID: "PF007", Level: preflight.Warning, Title: "cp-1 x", Found: "little memory", Expected: "more", Do: "add some"}}},
			{Addr: plan.Connectivity, Kind: saved.Probe, Source: at(1)},
			{Addr: plan.Gate, Kind: saved.Gate, After: []address.Addr{address.MustParse("preflight.cp-1"), plan.Connectivity}},
			{Addr: address.MustParse("kernel.cp-1"), Kind: saved.Module, After: []address.Addr{plan.Gate}, Source: at(3)},
			{Addr: address.MustParse("kubelet.cp-1"), Kind: saved.Module, After: []address.Addr{plan.Gate}, Source: at(3), Diff: saved.Diff(Config("cp-1", "192.0.2.1"))},
			{Addr: address.MustParse("kubelet.worker-1"), Kind: saved.Module, After: []address.Addr{plan.Gate}, Source: at(9), Diff: saved.Diff(Config("worker-1", "192.0.2.11"))},
			{Addr: address.MustParse("kubelet.worker-2"), Kind: saved.Module, After: []address.Addr{plan.Gate}, Source: at(9), Diff: saved.Diff(Config("worker-2", "192.0.2.12"))},
			{Addr: address.MustParse("programs.worker-1"), Kind: saved.Module, Diff: saved.Diff{
				{Kind: change.Transfer, Action: change.Add, Item: "/usr/local/bin/x", Want: "sha256 0123456789ab", SHA256: sha, Bytes: 62_914_560},
				{Kind: change.Text, Action: change.Replace, Item: "/etc/theirs", Have: "th\xffirs\n", Want: "ours\n"},
				{Kind: change.Text, Action: change.Update, Item: "/etc/secret", Have: "d1", Want: "d2", Secret: true}}},
			{Addr: address.MustParse("certificates.worker-1"), Kind: saved.Module, Diff: saved.Diff{{Kind: change.Cert, Action: change.Add, Item: "/etc/x.crt", Until: address.MustParse("ca.cp-1")}}},
			{Addr: address.MustParse("dns.cp-1"), Kind: saved.Module, Diff: saved.Diff{{Action: change.Add, Item: "dns.cp-1", Until: address.MustParse("kube-apiserver.cp-1")}}},
		},
		Policies: []spec.PolicyVerdict{{Name: "one-at-a-time", Severity: preflight.Error, Passed: true, File: "cluster.hcl", Line: 30},
			{Name: "not-on-fridays", Severity: preflight.Warning, Message: "It is Friday.\nSleep well.", File: "cluster.hcl", Line: 34}},
		Report: &preflight.Report{Took: 300 * time.Millisecond, Edges: []preflight.EdgeResult{
			{Edge: preflight.Edge{From: "cp-1", To: "worker-1", Proto: "udp", Port: 8285, Why: "pod network"}, Verdict: preflight.OK, RTT: 200 * time.Microsecond}}},
	}
}

// Config returns a change of a file that names its host.
func Config(host, address string) change.Diff {
	return change.Diff{
		{Kind: change.Text, Action: change.Update, Item: "/etc/x.yaml", Have: "name: " + host + "\na: 1\nb: 2\nc: 3\nd: 4\ne: 5\n",
			Want: "name: " + host + "\naddress: " + address + "\na: 1\nb: 2\nc: 3\nd: 4\ne: 6\n"},
		{Kind: change.Unit, Action: change.Restart, Item: "x.service", Why: "/etc/x.yaml changes"},
	}
}
