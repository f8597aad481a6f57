package state

import (
	"context"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/host/hosttest"
)

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
		content := string(EncodeInventory([]HostEntry{{Name: name}}))
		_, err := ReadInventory(t.Context(), hosttest.New("a", hosttest.WithFile(InventoryPath, content)))
		if (err == nil) != ok {
			t.Errorf("%q: got %v", name, err)
		}
	}
}
