package membership

import (
	"testing"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/state"
)

// TestWithoutKeeper: a step that was given no record changes nothing.
func TestWithoutKeeper(t *testing.T) {
	d := change.Diff{{Kind: change.Membership, Action: change.Add, Item: state.Membership}}
	for _, m := range []modules.Module{Member{}, Purge{}, Forget{}} {
		h := hosttest.New("a")
		if err := m.Apply(t.Context(), h, d); err == nil || len(h.Log()) > 0 {
			t.Errorf("%T: got %v and the changes %v, want an error and none", m, err, h.Log())
		}
	}
}
