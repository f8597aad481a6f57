package terminal_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/internal/golden"
	"github.com/pmkctl/pmkctl/view/terminal"
	"github.com/pmkctl/pmkctl/view/viewtest"
)

func TestSaved(t *testing.T) {
	id := strings.Repeat("f", 64)
	var text bytes.Buffer
	if err := terminal.Saved(&text, viewtest.SavedPlan(), id, names, terminal.NewStyle(false)); err != nil {
		t.Fatal(err)
	}
	golden.Text(t, "testdata/saved.txt", text.String())
}

func TestMoves(t *testing.T) {
	file := change.Change{Kind: change.Text, Action: change.Update, Item: "/etc/x", Have: "a\nb\nc\n", Want: "a\nd\n"}
	edit := func(c change.Change, f func(*change.Change)) change.Change { f(&c); return c }
	unit := change.Change{Kind: change.Unit, Action: change.Update, Item: "x.service", Have: "enabled, failed", Want: "enabled, active"}
	restart := change.Change{Kind: change.Unit, Action: change.Restart, Item: "x.service", Have: "enabled, active", Want: "enabled, active", Why: "/etc/x changes"}
	type diff = change.Diff
	tests := []struct {
		name    string
		was, is diff
		want    string
	}{
		{"edited", diff{file}, diff{edit(file, func(c *change.Change) { c.Have = "a\nx\ny\nb\nc\n" })}, "/etc/x is not what it was: 2 lines new, 0 gone"},
		{"came", diff{edit(file, func(c *change.Change) { c.Have, c.Action = "", change.Add })}, diff{file}, "/etc/x is not what it was: it was not there, and has 3 lines"},
		{"went", diff{file}, diff{edit(file, func(c *change.Change) { c.Have, c.Action = "", change.Add })}, "/etc/x is not what it was: it is gone"},
		{"put right", diff{file}, nil, "/etc/x needs no change any more"},
		{"differs", nil, diff{file}, "/etc/x differs now: 2 lines new, 1 gone"},
		{"missing", nil, diff{edit(file, func(c *change.Change) { c.Have = "" })}, "/etc/x is missing now"},
		{"stopped", nil, diff{unit}, "x.service differs now: enabled, active -> enabled, failed"},
		{"restarts", nil, diff{restart}, "x.service is to be restarted now, because /etc/x changes"},
		{"reloads", nil, diff{edit(restart, func(c *change.Change) { c.Action = change.Reload })}, "x.service is to be read again by systemd now, because /etc/x changes"},
		{"state", diff{unit}, diff{edit(unit, func(c *change.Change) { c.Have = "disabled, failed" })}, "x.service is not what it was: enabled, failed -> disabled, failed"},
		{"reason", diff{restart}, diff{edit(restart, func(c *change.Change) { c.Why = "it was started with other inputs" })},
			"x.service changes because it was started with other inputs, not because /etc/x changes"},
		{"wanted", diff{file}, diff{edit(file, func(c *change.Change) { c.Want = "a\nd\ne\n" })}, "/etc/x is to be something else: 1 line new, 0 gone"},
		{"known", diff{{Item: "/c", Until: address.MustParse("ca.a")}}, diff{{Item: "/c", Want: "x"}}, "/c was to be known after ca.a, and is known now"},
		{"unknown", diff{{Item: "/c", Want: "x"}}, diff{{Item: "/c", Until: address.MustParse("ca.a")}}, "/c was known, and is only known after ca.a now"},
		{"unknown at once", nil, diff{{Item: "/c", Until: address.MustParse("ca.a")}}, "/c is known only after ca.a"},
		{"foreign", diff{file}, diff{edit(file, func(c *change.Change) { c.Action = change.Replace })}, "/etc/x is to be replaced, as foreign, not changed"},
		{"secret", diff{edit(file, func(c *change.Change) { c.Secret = true })}, diff{edit(file, func(c *change.Change) { c.Secret, c.Have = true, "s" })}, "/etc/x is not what it was: (sensitive)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := terminal.Moves([]executor.Move{{Addr: address.MustParse("one.a"), Was: tt.was, Is: tt.is}})
			if d := cmp.Diff([]string{"one.a: " + tt.want}, got); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
	var many []executor.Move
	for range 100 {
		many = append(many, executor.Move{Addr: address.MustParse("one.a"), Was: diff{file}})
	}
	if got := terminal.Moves(many); len(got) != 41 || got[40] != "and 60 more" {
		t.Errorf("got %d lines, the last %q", len(got), got[len(got)-1])
	}
}
