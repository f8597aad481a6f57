package view_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/view"
)

func TestLines(t *testing.T) {
	tests := []struct {
		name string
		c    change.Change
		want string
	}{
		{"new file", change.Change{Kind: change.Text, Action: change.Add, Item: "/x", Want: "a\nb\n"}, "+ a\n+ b"},
		{"removed file", change.Change{Kind: change.Text, Action: change.Remove, Item: "/x", Have: "a\n"}, "- a"},
		{"context", change.Change{Kind: change.Text, Item: "/x", Have: "1\n2\n3\n4\n5\n6\n7\n8\n9\n", Want: "0\n2\n3\n4\n5\n6\n7\n8\n0\n"},
			"- 1\n+ 0\n  2\n  3\n  ...\n  7\n  8\n- 9\n+ 0"},
		{"looks like a header", change.Change{Kind: change.Text, Item: "/x", Have: "-- a\n", Want: "++ b\n"}, "- -- a\n+ ++ b"},
		{"no newline", change.Change{Kind: change.Text, Item: "/x", Have: "a", Want: "b"}, "- a\n+ b"},
		{"a newline more", change.Change{Kind: change.Text, Item: "/x", Have: "a", Want: "a\n"}, "- a\n  (no newline at the end)\n+ a"},
		{"what does not print", change.Change{Kind: change.Text, Item: "/x", Have: "\x1b[2Ja\r\n", Want: "\xffa\tb\u202ec\n"}, "- \\x1b[2Ja\\r\n+ \\xffa\tb\\u202ec"},
		{"fields", change.Change{Kind: change.Text, Item: "/x.yaml", Have: "a: 1\nb: {c: 1}\n", Want: "b: {c: 2}\nd: [1]\n"}, "- a: 1\n~ b.c: 1 -> 2\n+ d: [1]"},
		{"fields of an object", change.Change{Kind: change.Object, Item: "configmap/a/b", Have: "data:\n  Corefile: |\n    a {\n      b\n    }\n", Want: "data:\n  Corefile: |\n    a {\n      c\n    }\n"},
			"~ data.Corefile:\n      a {\n    -   b\n    +   c\n      }"},
		{"a long field", change.Change{Kind: change.Text, Item: "/x.service", Have: "[Unit]\nAfter=" + strings.Repeat("a ", 30) + "b\n", Want: "[Unit]\nAfter=" + strings.Repeat("a ", 30) + "c\n"},
			"~ Unit.After:\n    - " + strings.Repeat("a ", 30) + "b\n    + " + strings.Repeat("a ", 30) + "c"},
		{"a large field comes", change.Change{Kind: change.Text, Item: "/x.json", Have: "{}", Want: `{"a": [{"name": "a long name of it"}, {"name": "another name that is a good deal longer"}]}`},
			"+ a:\n    + - name: a long name of it\n    + - name: another name that is a good deal longer"},
		{"flags", change.Change{Kind: change.Text, Item: "/x.service", Have: "[Unit]\nX-Pmkctl-Inputs=01\n[Service]\nExecStart=/x --a\n", Want: "[Unit]\nX-Pmkctl-Inputs=02\n[Service]\nExecStart=/x --b=1\n"},
			"- Service.ExecStart[--a]\n+ Service.ExecStart[--b]: 1"},
		{"comments are told by line", change.Change{Kind: change.Text, Item: "/x.yaml", Have: "# x\na: 1\n", Want: "# y\na: 2\n"}, "- # x\n- a: 1\n+ # y\n+ a: 2"},
		{"secret", change.Change{Kind: change.Text, Item: "/x", Have: "a", Want: "b", Secret: true}, ""},
		{"no file", change.Change{Kind: change.Unit, Item: "x.service", Have: "a", Want: "b"}, ""},
		{"only the hash of inputs", change.Change{Kind: change.Text, Item: "/x.service", Have: "X-Pmkctl-Inputs=01\n", Want: "X-Pmkctl-Inputs=02\n"}, ""},
		{"state of an object", change.Change{Kind: change.Object, Item: "node/a", Want: "Ready"}, ""},
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

// TestFold folds what is new and what goes, as far as needed, and never what
// changes.
func TestFold(t *testing.T) {
	lines := func(word string, n int) string { return strings.Repeat(word+"\n", n) }
	file := func(a change.Action, item, have, want string) change.Change {
		return change.Change{Kind: change.Text, Action: a, Item: item, Have: have, Want: want}
	}
	unit := func(a change.Action) change.Change {
		return change.Change{Kind: change.Unit, Action: a, Item: "x.service", Want: "enabled, active"}
	}
	mixed := change.Diff{file(change.Add, "/new", "", lines("a", 90)), file(change.Add, "/few", "", lines("a", 3)),
		file(change.Update, "/changed", "a\n", "b\n"), file(change.Remove, "/gone", lines("a", 90), ""), unit(change.Restart)}
	many := change.Diff{unit(change.Add), {Kind: change.Text, Action: change.Add, Item: "/secret", Want: "x", Secret: true}}
	for i := range 99 {
		many = append(many, change.Change{Kind: change.Directory, Action: change.Add, Item: fmt.Sprintf("/%d", i), Want: "0755 root:root"})
	}
	gone := change.Diff{}
	for i := range 101 {
		gone = append(gone, file(change.Remove, fmt.Sprintf("/%d", i), "a\n", ""))
	}
	tests := []struct {
		name string
		c    *executor.Checked
		want string
	}{
		{"short enough", checked("a.cp-1", change.Diff{file(change.Add, "/new", "", lines("a", 4))}),
			"+ a.cp-1\n    + /new\n" + lines("        + a", 4) + "\nPlan: 1 to add, 0 to change, 0 to remove on 1 host\n"},
		{"contents", checked("a.cp-1", mixed),
			"~ a.cp-1\n    - /gone (90 lines)\n    + /new (90 lines)\n    + /few\n" + lines("        + a", 3) +
				"    ~ /changed\n        - a\n        + b\n    ~ x.service: restarts, because \n\n" +
				"Folded: 180 lines, with the contents of 2 files; -full shows them\nPlan: 0 to add, 1 to change, 0 to remove on 1 host\n"},
		{"what is new", checked("a.cp-1", mixed, "b.cp-1", many, "c.cp-1", change.Diff{unit(change.Add)}),
			"~ a.cp-1\n    - /gone (90 lines)\n    ~ /changed\n        - a\n        + b\n    ~ x.service: restarts, because \n    + 2 files (93 lines)\n\n" +
				"+ b.cp-1: 99 directories, 1 file, x.service\n+ c.cp-1: x.service: enabled, active\n\n" +
				"Folded: 287 lines, with the contents of 3 files; -full shows them\nPlan: 2 to add, 1 to change, 0 to remove on 1 host\n"},
		{"what goes", checked("b.cp-1", gone, "c.cp-1", change.Diff{unit(change.Add), file(change.Remove, "/x", "a\n", "")}),
			"- b.cp-1: 101 files (101 lines)\n\n~ c.cp-1\n    - /x (1 line)\n    + x.service: enabled, active\n\n" +
				"Folded: 203 lines, with the contents of 102 files; -full shows them\nPlan: 0 to add, 1 to change, 1 to remove on 1 host\n"},
		{"what changes stays", checked("b.cp-1", change.Diff{file(change.Update, "/x", lines("a", 60), lines("b", 60))}),
			"~ b.cp-1\n    ~ /x\n" + lines("        - a", 60) + lines("        + b", 60) + "\nPlan: 0 to add, 1 to change, 0 to remove on 1 host\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, planText(t, tt.c, names, view.NewStyle(false))); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}
