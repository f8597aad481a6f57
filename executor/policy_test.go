package executor

import (
	"fmt"
	"testing"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
)

// says returns a policy that fails with the value of an expression as its
// message.
func says(expr string) spec.Policy {
	return spec.Policy{Name: "x", Severity: preflight.Error, Timezone: "UTC", Condition: spec.Source{Text: "false"}, Message: spec.Source{Text: expr}}
}

// TestPoliciesKnowThePlan: every value of plan matches the steps.
func TestPoliciesKnowThePlan(t *testing.T) {
	c := Saved(&saved.Plan{Steps: []saved.Step{
		{Addr: address.MustParse("etcd.cp-1"), Kind: saved.Module, Diff: saved.Diff{{Kind: change.Unit, Action: change.Restart, Item: "etcd.service", Why: "because"}}},
		{Addr: address.MustParse("programs.worker-1"), Kind: saved.Module, Diff: saved.Diff{
			{Kind: change.Transfer, Action: change.Add, Item: "/x", Bytes: 40}, {Kind: change.Transfer, Action: change.Add, Item: "/y", Bytes: 2}}},
		{Addr: address.MustParse("motd.worker-1"), Kind: saved.Module, Diff: saved.Diff{{Kind: change.Text, Action: change.Replace, Item: "/etc/motd"}}},
		{Addr: address.MustParse("gone.old-1"), Kind: saved.Module, Diff: saved.Diff{{Kind: change.Text, Action: change.Remove, Item: "/z"}}},
		{Addr: address.MustParse("dns.cp-1"), Kind: saved.Module, Diff: saved.Diff{{Item: "dns.cp-1", Until: address.MustParse("etcd.cp-1")}}},
		{Addr: address.MustParse("kernel.cp-1"), Kind: saved.Module},
	}})
	cluster := &spec.Cluster{Hosts: []*spec.Host{{Name: "worker-1", Roles: []spec.Role{spec.Worker}}, {Name: "cp-1", Roles: []spec.Role{spec.ControlPlane, spec.Etcd}}},
		Departing: []spec.Departing{{Host: &spec.Host{Name: "old-1", Roles: []spec.Role{spec.Etcd}}}}}
	for _, tt := range []struct{ expr, want string }{
		{`join(" ", plan.hosts)`, "worker-1 cp-1 old-1"}, {`join(" ", plan.control_plane_hosts)`, "cp-1"}, {`join(" ", plan.etcd_hosts)`, "cp-1 old-1"},
		{`"${plan.add} ${plan.change} ${plan.remove}"`, "1 3 1"}, {`"${plan.files} ${plan.bytes}"`, "2 42"}, {`"${plan.live}"`, "true"},
		{`join(" ", [for r in plan.restarts : "${r.host} ${r.item} ${r.step} ${r.why}"])`, "cp-1 etcd.service etcd.cp-1 because"},
		{`join(" ", [for r in plan.removals : "${r.host} ${r.item} ${r.step}"])`, "old-1 /z gone.old-1"},
		{`join(" ", [for r in plan.replaced : "${r.host} ${r.item} ${r.step}"])`, "worker-1 /etc/motd motd.worker-1"},
		{`join(" ", [for s in plan.steps : "${s.module}/${s.host}/${s.action}"])`, "etcd/cp-1/update programs/worker-1/add motd/worker-1/update gone/old-1/remove dns/cp-1/"},
		{`"${time.weekday} ${time.date} ${time.hour}:${time.minute}"`, "Friday 2026-11-27 22:30"},
	} {
		cluster.Policies = []spec.Policy{says(tt.expr)}
		got := c.Policies(cluster, true, time.Date(2026, 11, 27, 22, 30, 0, 0, time.UTC))
		if len(got) != 1 || got[0].Message != tt.want || !got[0].Failed() {
			t.Errorf("%s: got %+v, want %q", tt.expr, got, tt.want)
		}
	}
}

// TestPoliciesAreAboutChanges: a plan without changes passes all policies.
func TestPoliciesAreAboutChanges(t *testing.T) {
	c := Saved(&saved.Plan{Steps: []saved.Step{{Addr: address.MustParse("kernel.cp-1"), Kind: saved.Module},
		{Addr: address.MustParse("preflight.cp-1"), Kind: saved.Probe, Findings: []preflight.Finding{{Level: preflight.Warning}}}}})
	if got := c.Policies(&spec.Cluster{Policies: []spec.Policy{says(`"x"`)}}, true, time.Now()); got != nil {
		t.Error(fmt.Sprint(got))
	}
}
