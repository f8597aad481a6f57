package preflight_test

import (
	"testing"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

func TestNear(t *testing.T) {
	for _, tt := range []struct{ given, want string }{
		{"PF012", "PF012"}, {"pf012", "PF012"}, {"PF12", "PF012"}, {"12", "PF012"}, {"FP012", "PF012"},
		{"swap", "PF005"}, {"Free disk", "PF008"}, {"PF099", "PF009"}, {"kubelet.worker-1", ""}, {"", ""}, {"worker-1", ""}, {"PF", ""},
	} {
		t.Run(tt.given, func(t *testing.T) {
			if got := preflight.Near(tt.given); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
