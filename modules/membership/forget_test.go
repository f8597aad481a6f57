package membership

import (
	"context"
	"sync"
	"testing"

	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
	"github.com/pmkctl/pmkctl/state"
)

func inventory(h *hosttest.Host) {
	content := state.EncodeInventory([]state.HostEntry{{Name: "cp-1"}, {Name: "a"}, {Name: "b"}, {Name: "c"}})
	hosttest.WithFile(state.InventoryPath, string(content))(h)
	r := &state.Record{Version: 1, Owns: map[string]state.Owned{}}
	r.Owns[state.InventoryPath] = state.Owned{}
	r.Wrote(state.InventoryPath, content)
	if err := r.Save(context.Background(), h); err != nil {
		panic(err)
	}
}

func TestForgetConverges(t *testing.T) {
	moduletest.Converges(t, Forget{Name: "a"}, moduletest.Prepare(inventory), moduletest.Removes())
}

// TestForget: several hosts go at once, the others stay, and no drift shows.
func TestForget(t *testing.T) {
	h := hosttest.New("cp-1")
	inventory(h.Admin())
	ctx := state.WithKeeper(t.Context(), keeper(t, h))
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		m := Forget{Name: name}
		d, err := m.Check(ctx, h)
		check(t, err)
		wg.Go(func() {
			if err := m.Apply(ctx, h, d); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for name, stays := range map[string]bool{"cp-1": true, "a": false, "b": false, "c": true} {
		d, err := Forget{Name: name}.Check(ctx, h)
		if err != nil || (len(d) > 0) != stays {
			t.Errorf("%s: got %v, %v", name, d, err)
		}
	}
	r, err := state.Load(ctx, h)
	check(t, err)
	if drift, err := r.Drift(ctx, h); err != nil || len(drift) > 0 {
		t.Errorf("what Forget wrote passes for drift: %v, %v", drift, err)
	}
}
