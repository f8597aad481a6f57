package run

import (
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// TestClusterID: the record of the control plane decides. Without it all hosts
// must agree.
func TestClusterID(t *testing.T) {
	c := &spec.Cluster{Name: "lab", Hosts: []*spec.Host{{Name: "cp-1", Roles: []spec.Role{spec.ControlPlane}}, {Name: "worker-1"}, {Name: "worker-2"}}}
	of := func(id, name string) *state.Record { return &state.Record{Cluster: state.Cluster{ID: id, Name: name}} }
	tests := []struct {
		name    string
		records map[string]*state.Record
		id, err string
	}{
		{"bare hosts", map[string]*state.Record{"cp-1": {}, "worker-1": {}}, "", ""},
		{"all of one", map[string]*state.Record{"cp-1": of("1", "lab"), "worker-1": of("1", "lab")}, "1", ""},
		{"the control plane decides", map[string]*state.Record{"cp-1": of("1", "lab"), "worker-1": of("2", "lab")}, "1", ""},
		{"the control plane is clean", map[string]*state.Record{"cp-1": {}, "worker-1": of("2", "lab")}, "2", ""},
		{"other names do not count", map[string]*state.Record{"worker-1": of("1", "lab"), "worker-2": of("3", "prod")}, "1", ""},
		{"two of one name", map[string]*state.Record{"worker-1": of("1", "lab"), "worker-2": of("2", "lab")}, "",
			"several clusters lab: 1 (worker-1), 2 (worker-2)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id, err := clusterID(c, tt.records)
			if id != tt.id || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %q, %v", id, err)
			}
		})
	}
}
