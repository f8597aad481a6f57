package plan_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/plantest"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// before reports whether one step waits for another, directly or not.
func before(g *plan.Graph, first, then address.Addr) bool {
	for _, s := range g.Steps {
		if s.Addr != then {
			continue
		}
		return slices.Contains(s.After, first) || slices.ContainsFunc(s.After, func(a address.Addr) bool { return before(g, first, a) })
	}
	return false
}

func steps(g *plan.Graph, host string) map[string]string {
	on := map[string]string{}
	for _, s := range g.Steps {
		if s.Addr.Host == host {
			on[s.Addr.Module] = s.RunsOn()
		}
	}
	return on
}

// TestDeparting checks the steps of a departing host, their order, and the hosts that
// they run on.
func TestDeparting(t *testing.T) {
	w := plantest.Workers(t, 2, "")
	departing, dead, later := w.Hosts[len(w.Hosts)-1], &spec.Host{Name: "dead-1"}, &spec.Host{Name: "later-1"}
	cp := w.Hosts[0].Name
	c := *w.Cluster
	c.Hosts = c.Hosts[:len(c.Hosts)-1]
	c.Departing = []spec.Departing{{Host: departing}, {Host: dead, Unreachable: true}, {Host: later}}
	records := map[string]*state.Record{}
	for name := range w.Memory {
		records[name] = &state.Record{Owns: map[string]state.Owned{}}
	}
	records[departing.Name].Owns["etcd.service"] = state.Owned{}
	out, err := plan.Compile(context.Background(), &c, plan.World{Hosts: w.Reached(), Records: records, Sources: w.Sources})
	if err != nil {
		t.Fatal(err)
	}
	g := out.Graph
	want := map[string]string{"drain": cp, "etcd-leave": cp, "stop": departing.Name, "clean": departing.Name, "delete-node": cp, "leave": departing.Name, "forget": cp}
	if got := steps(g, departing.Name); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := steps(g, "dead-1"), (map[string]string{"etcd-leave": cp, "delete-node": cp, "forget": cp}); !maps.Equal(got, want) {
		t.Errorf("of a dead host: got %v, want %v", got, want)
	}
	if got := steps(g, "later-1"); len(got) > 0 {
		t.Errorf("of one that is left out: got %v", got)
	}
	at := func(module string) address.Addr { return address.Of(module, departing.Name) }
	for _, pair := range [][2]address.Addr{
		{plan.Gate, at("drain")}, {address.Of("node", cp), at("drain")}, {at("drain"), at("etcd-leave")}, {address.Of("kube-apiserver", cp), at("etcd-leave")},
		{at("etcd-leave"), at("stop")}, {at("stop"), at("clean")}, {at("stop"), at("delete-node")},
		{at("clean"), at("leave")}, {at("delete-node"), at("leave")}, {at("leave"), at("forget")}, {address.Of("member", cp), at("forget")},
		{at("etcd-leave"), address.MustParse("etcd-leave.dead-1")},
	} {
		if !before(g, pair[0], pair[1]) {
			t.Errorf("%s does not wait for %s", pair[1], pair[0])
		}
	}
}
