package view_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
	"github.com/pmkctl/pmkctl/view"
)

// savedPlan has something of everything.
func savedPlan() *saved.Plan {
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
		Left: map[string]string{"worker-3": "excluded"},
		Steps: []saved.Step{
			{Addr: address.MustParse("preflight.cp-1"), Kind: saved.Probe, Source: at(3), Diff: saved.Diff{
				{Kind: change.Finding, ID: "PF007", Level: change.Warning, Item: "cp-1 x", Have: "little memory", Want: "more", Why: "add some"}}},
			{Addr: plan.Connectivity, Kind: saved.Probe, Source: at(1)},
			{Addr: plan.Gate, Kind: saved.Gate, After: []address.Step{address.MustParse("preflight.cp-1"), plan.Connectivity}},
			{Addr: address.MustParse("kernel.cp-1"), Kind: saved.Module, After: []address.Step{plan.Gate}, Source: at(3)},
			{Addr: address.MustParse("kubelet.cp-1"), Kind: saved.Module, After: []address.Step{plan.Gate}, Source: at(3), Diff: saved.Diff(config("cp-1", "192.0.2.1"))},
			{Addr: address.MustParse("kubelet.worker-1"), Kind: saved.Module, After: []address.Step{plan.Gate}, Source: at(9), Diff: saved.Diff(config("worker-1", "192.0.2.11"))},
			{Addr: address.MustParse("kubelet.worker-2"), Kind: saved.Module, After: []address.Step{plan.Gate}, Source: at(9), Diff: saved.Diff(config("worker-2", "192.0.2.12"))},
			{Addr: address.MustParse("programs.worker-1"), Kind: saved.Module, Diff: saved.Diff{
				{Kind: change.Transfer, Action: change.Add, Item: "/usr/local/bin/x", Want: "sha256 0123456789ab", SHA256: sha, Bytes: 62_914_560},
				{Kind: change.Text, Action: change.Replace, Item: "/etc/theirs", Have: "th\xffirs\n", Want: "ours\n"},
				{Kind: change.Text, Action: change.Update, Item: "/etc/secret", Have: "d1", Want: "d2", Secret: true}}},
			{Addr: address.MustParse("certificates.worker-1"), Kind: saved.Module, Diff: saved.Diff{{Kind: change.Cert, Action: change.Add, Item: "/etc/x.crt", Until: address.MustParse("ca.cp-1")}}},
			{Addr: address.MustParse("dns.cp-1"), Kind: saved.Module, Diff: saved.Diff{{Action: change.Add, Item: "dns.cp-1", Until: address.MustParse("kube-apiserver.cp-1")}}},
		},
		Policies: []spec.Verdict{{Name: "one-at-a-time", Severity: change.Error, Passed: true, File: "cluster.hcl", Line: 30},
			{Name: "not-on-fridays", Severity: change.Warning, Message: "It is Friday.\nSleep well.", File: "cluster.hcl", Line: 34}},
		Report: &preflight.Report{Took: 300 * time.Millisecond, Edges: []preflight.EdgeResult{
			{Edge: preflight.Edge{From: "cp-1", To: "worker-1", Proto: "udp", Port: 8285, Why: "pod network"}, Verdict: preflight.OK, RTT: 200 * time.Microsecond}}},
	}
}

func TestSaved(t *testing.T) {
	id := strings.Repeat("f", 64)
	var text, doc bytes.Buffer
	if err := view.Saved(&text, savedPlan(), id, names, view.NewStyle(false)); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/saved.txt", text.String())
	if err := view.SavedJSON(&doc, savedPlan(), id); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/saved.json", doc.String())
	checkSchema(t, strictSchema(t, "plan.json"), doc.Bytes())

	doc.Reset()
	if err := view.SavedJSON(&doc, &saved.Plan{Cluster: &spec.Cluster{}, Pmkctl: savedPlan().Pmkctl}, id); err != nil {
		t.Fatal(err)
	}
	checkSchema(t, strictSchema(t, "plan.json"), doc.Bytes())
}

func TestMoves(t *testing.T) {
	file := change.Change{Kind: change.Text, Action: change.Update, Item: "/etc/x", Have: "a\nb\nc\n", Want: "a\nd\n"}
	edit := func(c change.Change, f func(*change.Change)) change.Change { f(&c); return c }
	unit := change.Change{Kind: change.Unit, Action: change.Update, Item: "x.service", Have: "enabled, failed", Want: "enabled, active"}
	restart := change.Change{Kind: change.Unit, Action: change.Restart, Item: "x.service", Have: "enabled, active", Want: "enabled, active", Why: "/etc/x changes"}
	type diff = change.Diff
	tests := []struct {
		name    string
		was, is diff
		want    string
	}{
		{"edited", diff{file}, diff{edit(file, func(c *change.Change) { c.Have = "a\nx\ny\nb\nc\n" })}, "/etc/x is not what it was: 2 lines new, 0 gone"},
		{"came", diff{edit(file, func(c *change.Change) { c.Have, c.Action = "", change.Add })}, diff{file}, "/etc/x is not what it was: it was not there, and has 3 lines"},
		{"went", diff{file}, diff{edit(file, func(c *change.Change) { c.Have, c.Action = "", change.Add })}, "/etc/x is not what it was: it is gone"},
		{"put right", diff{file}, nil, "/etc/x needs no change any more"},
		{"differs", nil, diff{file}, "/etc/x differs now: 2 lines new, 1 gone"},
		{"missing", nil, diff{edit(file, func(c *change.Change) { c.Have = "" })}, "/etc/x is missing now"},
		{"stopped", nil, diff{unit}, "x.service differs now: enabled, active -> enabled, failed"},
		{"restarts", nil, diff{restart}, "x.service is to be restarted now, because /etc/x changes"},
		{"reloads", nil, diff{edit(restart, func(c *change.Change) { c.Action = change.Reload })}, "x.service is to be read again by systemd now, because /etc/x changes"},
		{"state", diff{unit}, diff{edit(unit, func(c *change.Change) { c.Have = "disabled, failed" })}, "x.service is not what it was: enabled, failed -> disabled, failed"},
		{"reason", diff{restart}, diff{edit(restart, func(c *change.Change) { c.Why = "it was started from an older unit file" })},
			"x.service changes because it was started from an older unit file, not because /etc/x changes"},
		{"wanted", diff{file}, diff{edit(file, func(c *change.Change) { c.Want = "a\nd\ne\n" })}, "/etc/x is to be something else: 1 line new, 0 gone"},
		{"known", diff{{Item: "/c", Until: address.MustParse("ca.a")}}, diff{{Item: "/c", Want: "x"}}, "/c was to be known after ca.a, and is known now"},
		{"unknown", diff{{Item: "/c", Want: "x"}}, diff{{Item: "/c", Until: address.MustParse("ca.a")}}, "/c was known, and is only known after ca.a now"},
		{"unknown at once", nil, diff{{Item: "/c", Until: address.MustParse("ca.a")}}, "/c is known only after ca.a"},
		{"foreign", diff{file}, diff{edit(file, func(c *change.Change) { c.Action = change.Replace })}, "/etc/x is to be replaced, as foreign, not changed"},
		{"secret", diff{edit(file, func(c *change.Change) { c.Secret = true })}, diff{edit(file, func(c *change.Change) { c.Secret, c.Have = true, "s" })}, "/etc/x is not what it was: (sensitive)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := view.Moves([]executor.Move{{Addr: address.MustParse("one.a"), Was: tt.was, Is: tt.is}})
			if d := cmp.Diff([]string{"one.a: " + tt.want}, got); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
	var many []executor.Move
	for range 100 {
		many = append(many, executor.Move{Addr: address.MustParse("one.a"), Was: diff{file}})
	}
	if got := view.Moves(many); len(got) != 41 || got[40] != "and 60 more" {
		t.Errorf("got %d lines, the last %q", len(got), got[len(got)-1])
	}
}
