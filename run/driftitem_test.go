package run

import (
	"slices"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan/saved"
)

// TestAskedFor: what follows from other changes, or from what systemd has not
// read, is not asked for by the spec.
func TestAskedFor(t *testing.T) {
	step := func(name string, changes ...change.Change) saved.Step {
		return saved.Step{Addr: address.MustParse(name), Kind: saved.Module, Diff: changes}
	}
	unit := func(a change.Action) change.Change {
		return change.OfUnit(a, "x.service", change.Serving, change.Serving)
	}
	c := executor.Saved(&saved.Plan{Steps: []saved.Step{
		step("restarted.a", unit(change.Restart)),
		step("unread.a", unit(change.Reload)),
		step("edited.a", change.Change{Kind: change.Text, Action: change.Update, Item: "/etc/x", Drift: true}, unit(change.Restart)),
		step("asked.a", change.Change{Kind: change.Text, Action: change.Update, Item: "/etc/y"}, unit(change.Reload)),
	}})
	if got := askedFor(c, nil); !slices.Equal(got, []string{"asked.a"}) {
		t.Errorf("got %q", got)
	}
}
