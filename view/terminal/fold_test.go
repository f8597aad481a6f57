package terminal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/view/terminal"
)

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
			if d := cmp.Diff(tt.want, planText(t, tt.c, names, terminal.NewStyle(false))); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}
