package state

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/pmkctl/pmkctl/host/hosttest"
)

// TestForget: several hosts go at once, the others stay, and it may be done
// again.
func TestForget(t *testing.T) {
	ctx := context.Background()
	h := hosttest.New("cp-1", hosttest.WithFile(InventoryPath, string(encodeInventory([]HostEntry{{Name: "cp-1"}, {Name: "a"}, {Name: "b"}, {Name: "c"}}))))
	k := NewKeeper(h, "run", &Record{Owns: map[string]Owned{InventoryPath: {SHA256: "old"}}})
	for range 2 {
		var wg sync.WaitGroup
		for _, name := range []string{"a", "b"} {
			wg.Go(func() {
				if err := (&Forget{Name: name, Keeper: k}).Apply(ctx, h, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	for name, stays := range map[string]bool{"cp-1": true, "a": false, "b": false, "c": true} {
		d, err := (&Forget{Name: name}).Check(ctx, h)
		if err != nil || (len(d) > 0) != stays {
			t.Errorf("%s: got %v, %v", name, d, err)
		}
	}
	r, err := Load(ctx, h)
	if err != nil || r.Owns[InventoryPath].SHA256 != digest(string(h.Peek(InventoryPath))) {
		t.Errorf("the record has %+v, %v: it would pass for drift", r.Owns, err)
	}
}

func TestReadInventory(t *testing.T) {
	for text, want := range map[string]string{
		`{"version": 1, "hosts": [{"name": "a", "more": 1}]}`: "",
		`{"version": 2}`: "has version 2, this pmkctl knows 1: use a newer pmkctl",
		`{"hosts"`:       "remove it, and the next apply writes it anew without the hosts that left the spec",
	} {
		_, err := ReadInventory(context.Background(), hosttest.New("a", hosttest.WithFile(InventoryPath, text)))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	if hosts, err := ReadInventory(context.Background(), hosttest.New("bare")); err != nil || hosts != nil {
		t.Errorf("of a host without one: got %v, %v", hosts, err)
	}
}

// TestInventoryNames: what is deleted by a name has one.
func TestInventoryNames(t *testing.T) {
	for name, ok := range map[string]bool{"worker-1": true, "": false, "a/b": false, "../a": false, "a?x": false, "a\n": false, "A": false} {
		content := string(encodeInventory([]HostEntry{{Name: name}}))
		_, err := ReadInventory(t.Context(), hosttest.New("a", hosttest.WithFile(InventoryPath, content)))
		if (err == nil) != ok {
			t.Errorf("%q: got %v", name, err)
		}
	}
}
