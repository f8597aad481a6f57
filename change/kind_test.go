package change

import (
	"encoding/json"
	"testing"
)

// all are the kinds that a Change can have; a new one is added here too.
var all = []Kind{Text, Attr, Directory, Symlink, Transfer, Unit, Sysctl, KernelModule, Membership, Network, Account, PrivKey, Cert, Image, Object}

// TestKinds: every kind has one row, and its row makes sense.
func TestKinds(t *testing.T) {
	rows := map[Kind]int{}
	for _, r := range kinds {
		rows[r.Kind]++
		if r.path && r.noun == (Noun{}) {
			t.Errorf("%v is a path and has no noun", r.Kind)
		}
		if !r.path && (r.original == AsCopy || r.content == Written || r.content == OnHost) {
			t.Errorf("%v has the content of a file and no path", r.Kind)
		}
		if r.settled && r.moves {
			t.Errorf("%v is settled, and moves by itself", r.Kind)
		}
	}
	for _, k := range all {
		if rows[k] != 1 {
			t.Errorf("%v has %d rows, want 1", k, rows[k])
		}
	}
	if len(all) != len(kinds) {
		t.Errorf("there are %d rows for %d kinds", len(kinds), len(all))
	}
}

// TestKindJSON: the words of JSON are those of the documents.
func TestKindJSON(t *testing.T) {
	for want, k := range map[string]Kind{
		`{"kind":"file","action":"","item":""}`:                              Text,
		`{"kind":"setting","setting":"sysctl","action":"","item":""}`:        Sysctl,
		`{"kind":"setting","setting":"kernel_module","action":"","item":""}`: KernelModule,
		`{"kind":"setting","setting":"membership","action":"","item":""}`:    Membership,
		`{"kind":"setting","action":"","item":""}`:                           Network,
		`{"kind":"","action":"","item":""}`:                                  {},
	} {
		b, err := json.Marshal(Change{Kind: k})
		if err != nil || string(b) != want {
			t.Errorf("got %s, %v, want %s", b, err, want)
		}
		var got Change
		if err := json.Unmarshal(b, &got); err != nil || got != (Change{Kind: k}) {
			t.Errorf("%s was read as %+v, %v", b, got, err)
		}
	}
}

func TestUnknownKind(t *testing.T) {
	if k := (Kind{Class: "volume"}); k.IsPath() || k.IsSettled() || k.Noun() != (Noun{}) {
		t.Errorf("something is known of %v", k)
	}
}
