package view_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/view"
)

func TestLines(t *testing.T) {
	tests := []struct {
		name string
		c    modules.Change
		want string
	}{
		{"new file", modules.Change{Kind: modules.Text, Action: modules.Add, Item: "/x", Want: "a\nb\n"}, "+ a\n+ b"},
		{"removed file", modules.Change{Kind: modules.Text, Action: modules.Remove, Item: "/x", Have: "a\n"}, "- a"},
		{"context", modules.Change{Kind: modules.Text, Item: "/x", Have: "1\n2\n3\n4\n5\n6\n7\n8\n9\n", Want: "0\n2\n3\n4\n5\n6\n7\n8\n0\n"},
			"- 1\n+ 0\n  2\n  3\n  ...\n  7\n  8\n- 9\n+ 0"},
		{"looks like a header", modules.Change{Kind: modules.Text, Item: "/x", Have: "-- a\n", Want: "++ b\n"}, "- -- a\n+ ++ b"},
		{"no newline", modules.Change{Kind: modules.Text, Item: "/x", Have: "a", Want: "b"}, "- a\n+ b"},
		{"secret", modules.Change{Kind: modules.Text, Item: "/x", Have: "a", Want: "b", Secret: true}, ""},
		{"no file", modules.Change{Kind: modules.Unit, Item: "x.service", Have: "a", Want: "b"}, ""},
		{"only the hash of inputs", modules.Change{Kind: modules.Text, Item: "/x.service", Have: "X-Pmkctl-Inputs=01\n", Want: "X-Pmkctl-Inputs=02\n"}, ""},
		{"state of an object", modules.Change{Kind: modules.Object, Item: "node/a", Want: "Ready"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, l := range view.Lines(tt.c) {
				got = append(got, l.String())
			}
			if d := cmp.Diff(tt.want, strings.Join(got, "\n")); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}
