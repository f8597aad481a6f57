package run

import (
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// TestConfirm: a host that joins another cluster before the plan is approved is
// not cleaned.
func TestConfirm(t *testing.T) {
	at := func(id, host string) *state.Record {
		return &state.Record{Cluster: state.Cluster{ID: id, Name: "lab"}, Host: host}
	}
	host := func(name string, roles ...spec.Role) *spec.Host { return &spec.Host{Name: name, Roles: roles} }
	tests := []struct {
		name   string
		worker *state.Record
		want   string
	}{
		{"as it was", at("1", "worker-1"), ""},
		{"it left meanwhile", &state.Record{}, ""},
		{"of another cluster", at("2", "worker-1"), "cluster lab (2)"},
		{"another host", at("1", "worker-2"), "host"},
	}
	for name, g := range map[string]goal{"converge": converge{}, "destroy": &destroy{members: "1"}} {
		for _, tt := range tests {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				r := &Run{cluster: &spec.Cluster{Name: "lab", Hosts: []*spec.Host{host("cp-1", spec.ControlPlane)}, Departing: []spec.Departing{{Host: host("worker-1")}}},
					world: plan.World{Records: map[string]*state.Record{"cp-1": at("1", "cp-1"), "worker-1": tt.worker}}}
				err := g.confirm(r)
				if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}
