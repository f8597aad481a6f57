package run

import (
	"errors"
	"testing"

	"github.com/pmkctl/pmkctl/spec"
)

// TestUnreachable: the error names all hosts that failed, in the order of the
// spec, and advises to exclude the first that the goal can spare.
func TestUnreachable(t *testing.T) {
	hosts := []*spec.Host{{Name: "cp-1", Roles: []spec.Role{spec.ControlPlane}}, {Name: "worker-1"}, {Name: "worker-2"}}
	down := errors.New("no route")
	tests := []struct {
		name     string
		failed   []string
		canSpare func(*spec.Host) bool
		want     string
	}{
		{"all answer", nil, converge{}.canSpare, ""},
		{"a worker", []string{"worker-2"}, converge{}.canSpare, "connect to worker-2:\n  no route\nTo go on without a host: -exclude=worker-2"},
		{"the control plane", []string{"cp-1"}, converge{}.canSpare, "connect to cp-1:\n  no route"},
		{"both", []string{"worker-1", "cp-1"}, converge{}.canSpare, "connect to cp-1, worker-1:\n  no route\n  no route\nTo go on without a host: -exclude=worker-1"},
		{"both, to destroy", []string{"worker-1", "cp-1"}, (&destroy{}).canSpare, "connect to cp-1, worker-1:\n  no route\n  no route\nTo go on without a host: -exclude=cp-1"},
		{"a saved plan", []string{"worker-1"}, none, "connect to worker-1:\n  no route"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &connection{failed: map[string]error{}}
			for _, name := range tt.failed {
				c.failed[name] = down
			}
			err := c.unreachable(hosts, tt.canSpare)
			if tt.want == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Outcome != Unreachable || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
