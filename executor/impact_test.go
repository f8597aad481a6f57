package executor

import (
	"reflect"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
)

func impactOf(steps ...saved.Step) Impact {
	hosts := []*spec.Host{
		{Name: "cp-1", Roles: []spec.Role{spec.ControlPlane, spec.Etcd}}, {Name: "db-1", Roles: []spec.Role{spec.Etcd}},
		{Name: "worker-1", Roles: []spec.Role{spec.Worker}}}
	return Saved(&saved.Plan{Steps: steps}).Impact(hosts)
}

func TestImpact(t *testing.T) {
	i := impactOf(
		saved.Step{Addr: address.MustParse("swap.worker-1"), Kind: saved.Probe, Findings: []preflight.Finding{{Found: "swap is on"}}},
		saved.Step{Addr: address.MustParse("gone.old-1"), Kind: saved.Module, Diff: saved.Diff{{Kind: change.Text, Action: change.Remove, Item: "/etc/old", Have: "x"}}},
		saved.Step{Addr: address.MustParse("programs.worker-1"), Kind: saved.Module, Diff: saved.Diff{
			{Kind: change.Transfer, Action: change.Add, Item: "/usr/local/bin/a", Bytes: 40},
			{Kind: change.Transfer, Action: change.Replace, Item: "/usr/local/bin/b", Bytes: 2}}},
		saved.Step{Addr: address.MustParse("etcd.db-1"), Kind: saved.Module},
		saved.Step{Addr: address.MustParse("etcd.cp-1"), Kind: saved.Module, Diff: saved.Diff{{Kind: change.Unit, Action: change.Restart, Item: "etcd.service", Why: "/etc/etcd/etcd.yaml changes"}}},
		saved.Step{Addr: address.MustParse("rbac.cp-1"), Kind: saved.Module, Diff: saved.Diff{{Kind: change.Object, Item: "clusterrole/x", Until: address.MustParse("kube-apiserver.cp-1")}}},
	)
	want := Impact{
		Counts: Summary{Add: 0, Change: 3, Remove: 1, Hosts: 3},
		Hosts:  []string{"cp-1", "worker-1", "old-1"}, ControlPlane: []string{"cp-1"}, Etcd: []string{"cp-1"},
		Restarts: []Effect{{address.MustParse("etcd.cp-1"), "cp-1", "etcd.service", "/etc/etcd/etcd.yaml changes", false}},
		Removals: []Effect{{address.MustParse("gone.old-1"), "old-1", "/etc/old", "", false}},
		Replaced: []Effect{{address.MustParse("programs.worker-1"), "worker-1", "/usr/local/bin/b", "", false}},
		Unknown:  []address.Addr{address.MustParse("rbac.cp-1")}, Files: 2, Bytes: 42,
	}
	if !reflect.DeepEqual(i, want) {
		t.Errorf("got  %+v\nwant %+v", i, want)
	}
	if len(i.Hosts) != i.Counts.Hosts {
		t.Errorf("%d hosts and a summary of %d", len(i.Hosts), i.Counts.Hosts)
	}
}

func TestImpactOfNothing(t *testing.T) {
	v := reflect.ValueOf(impactOf(saved.Step{Addr: address.MustParse("etcd.cp-1"), Kind: saved.Module}))
	for n := range v.NumField() {
		if f := v.Field(n); f.Kind() == reflect.Slice && (f.IsNil() || f.Len() > 0) {
			t.Errorf("%s is %v, want an empty list", v.Type().Field(n).Name, f)
		}
	}
}

// TestRestarts: an interruption of a running service counts, a first start does
// not.
func TestRestarts(t *testing.T) {
	tests := []struct {
		name   string
		change change.Change
		want   int
	}{
		{"a new service", change.OfUnit(change.Add, "x.service", change.UnitState{}, change.Serving), 0},
		{"another configuration", change.OfUnit(change.Restart, "x.service", change.Serving, change.Serving), 1},
		{"runs and is not enabled", change.OfUnit(change.Update, "x.service", change.UnitState{Enabled: "disabled", Active: "active"}, change.Serving), 1},
		{"is down", change.OfUnit(change.Update, "x.service", change.UnitState{Enabled: "enabled", Active: "inactive"}, change.Serving), 0},
		{"failed", change.OfUnit(change.Update, "x.service", change.UnitState{Enabled: "enabled", Active: "failed"}, change.Serving), 0},
		{"goes", change.OfUnit(change.Remove, "x.service", change.Serving, change.UnitState{}), 0},
		{"is a file", change.Change{Kind: change.Text, Action: change.Update, Have: "a, active", Want: "b, active"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i := impactOf(saved.Step{Addr: address.MustParse("x.cp-1"), Kind: saved.Module, Diff: saved.Diff{tt.change}})
			if len(i.Restarts) != tt.want {
				t.Errorf("got %+v, want %d", i.Restarts, tt.want)
			}
			for _, r := range i.Restarts {
				if r.Why == "" {
					t.Error("nobody knows why")
				}
			}
		})
	}
}
