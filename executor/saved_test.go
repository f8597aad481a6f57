package executor

import (
	"reflect"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/state"
)

// TestSince compares one step of a plan with what differs now.
func TestSince(t *testing.T) {
	file := change.Change{Kind: change.Text, Action: change.Add, Item: "/a", Want: "x"}
	foreign := change.Change{Kind: change.Text, Action: change.Replace, Item: "/b", Have: "y", Want: "x"}
	ours := foreign
	ours.Action = change.Update
	unit := change.OfUnit(change.Update, "a.service", change.UnitState{Enabled: "enabled", Active: "failed"}, change.Serving)
	later := change.Change{Kind: change.Cert, Action: change.Add, Item: "/c", Until: address.MustParse("ca.b")}
	known := change.Change{Kind: change.Cert, Action: change.Add, Item: "/c", Want: "by the new CA"}
	whole := change.Change{Action: change.Add, Item: "one.a", Until: address.MustParse("ca.b")}
	other := file
	other.Want = "z"
	public := change.Change{Kind: change.Text, Action: change.Add, Item: "/d.pub", Why: "the public half of /d", Generated: true}
	made := public
	made.Want, made.Generated = "a key", false
	ready := change.Change{Kind: change.Object, Action: change.Update, Item: "node/a", Have: "not Ready", Want: "Ready", Volatile: true, Host: "a"}
	deployed := change.Change{Kind: change.Object, Action: change.Update, Item: "deployment/a/b", Have: "not available", Want: "available", Volatile: true}
	readyNot := ready
	readyNot.Why = "the network is not ready"
	trying := change.OfUnit(change.Update, "a.service", change.UnitState{Enabled: "enabled", Active: "activating"}, change.Serving)
	stopped := change.OfUnit(change.Update, "a.service", change.UnitState{Enabled: "enabled", Active: "inactive"}, change.Serving)
	type diff = change.Diff
	tests := []struct {
		name    string
		was, is diff
		did     state.What // the step
		ca      state.What // the step that later waits for
		host    state.What // another step of its host
		moved   bool
	}{
		{name: "the same", was: diff{file, unit}, is: diff{file, unit}},
		{name: "nothing", was: nil, is: diff{}},
		{name: "another order", was: diff{file, unit}, is: diff{unit, file}},
		{name: "done by somebody else", was: diff{file}, moved: true},
		{name: "new", is: diff{file}, moved: true},
		{name: "another content", was: diff{file}, is: diff{other}, moved: true},
		{name: "known by itself", was: diff{later}, is: diff{known}, moved: true},
		{name: "gone by itself", was: diff{later}, moved: true},

		{name: "failing in another moment", was: diff{unit, ready}, is: diff{trying, readyNot}},
		{name: "stopped, not failing", was: diff{unit}, is: diff{stopped}, moved: true},

		{name: "done", was: diff{file}, did: state.Done},
		{name: "done and changed since", was: diff{file}, is: diff{other}, did: state.Done, moved: true},
		{name: "done and put back", was: diff{file}, is: diff{file}, did: state.Done},

		{name: "begun", was: diff{file, foreign}, is: diff{ours}, did: state.Intent},
		{name: "failed with its unit down", was: diff{file}, is: diff{unit}, did: state.Failed},
		{name: "all made and not noted", was: diff{file}, did: state.Intent},
		{name: "begun, with another change", was: diff{file}, is: diff{other}, did: state.Intent, moved: true},

		{name: "its own key was made", was: diff{public}, is: diff{made}, did: state.Intent},
		{name: "somebody else made its key", was: diff{public}, is: diff{made}, moved: true},
		{name: "not known again", was: diff{file}, is: diff{later}, ca: state.Intent, moved: true},
		{name: "not known again, the same item", was: diff{known}, is: diff{later}, ca: state.Intent},
		{name: "not known again, though all was well", is: diff{later}, ca: state.Failed},
		{name: "not known again by itself", is: diff{later}, moved: true},
		{name: "down behind what was cut off", is: diff{unit}, ca: state.Intent},
		{name: "done and down behind what was cut off", was: diff{file}, is: diff{ready}, did: state.Done, ca: state.Failed},
		{name: "down by itself", is: diff{unit}, moved: true},
		{name: "down though all was done", is: diff{ready}, ca: state.Done, moved: true},
		{name: "not Ready though all was done on its host", is: diff{ready}, host: state.Done},
		{name: "not available though all was done on its host", is: diff{deployed}, host: state.Done, moved: true},
		{name: "not available behind what was cut off", is: diff{deployed}, ca: state.Intent},
		{name: "down though all was done on its host", is: diff{unit}, host: state.Done, moved: true},
		{name: "written behind what was cut off", is: diff{file}, ca: state.Intent, moved: true},
		{name: "known since", was: diff{file, later}, is: diff{file, known}, ca: state.Done},
		{name: "known to be well", was: diff{file, later}, is: diff{file}, ca: state.Done},
		{name: "still unknown", was: diff{file, later}, is: diff{file, later}, ca: state.Intent},
		{name: "known as a whole", was: diff{whole}, is: diff{known, file}, ca: state.Done},
		{name: "known since, but the rest moved", was: diff{file, later}, is: diff{known}, ca: state.Done, moved: true},
		{name: "known since, and more", was: diff{later}, is: diff{known, file}, ca: state.Done, moved: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &saved.Plan{Steps: []saved.Step{
				{Addr: address.MustParse("ca.b"), Kind: saved.Module}, {Addr: address.MustParse("two.b"), Kind: saved.Module, After: []address.Addr{address.MustParse("ca.b")}},
				{Addr: address.MustParse("one.a"), Kind: saved.Module, After: []address.Addr{address.MustParse("two.b")}, Diff: saved.Diff(tt.was)}}}
			now := Saved(p)
			now.Diffs[address.MustParse("one.a")] = tt.is
			did := map[string]state.Progress{"a": {}, "b": {}}
			if tt.did != "" {
				did["a"][address.MustParse("one.a")] = tt.did
			}
			if tt.ca != "" {
				did["b"][address.MustParse("ca.b")] = tt.ca
			}
			if tt.host != "" {
				did["a"][address.MustParse("kubelet.a")] = tt.host
			}
			if moves := now.Since(p, did); (len(moves) > 0) != tt.moved {
				t.Errorf("got %+v, want moved %v", moves, tt.moved)
			}
		})
	}
}

// TestSinceOfWholeSteps: steps appear, disappear, or differ in one change.
func TestSinceOfWholeSteps(t *testing.T) {
	a, b := change.Change{Kind: change.Text, Item: "/a", Want: "x"}, change.Change{Kind: change.Text, Item: "/b", Want: "x"}
	b2 := b
	b2.Have = "y"
	p := &saved.Plan{Steps: []saved.Step{
		{Addr: address.MustParse("one.a"), Kind: saved.Module, Diff: saved.Diff{a, b}}, {Addr: address.MustParse("gone.a"), Kind: saved.Module, Diff: saved.Diff{a}}}}
	now := Saved(&saved.Plan{Steps: []saved.Step{
		{Addr: address.MustParse("one.a"), Kind: saved.Module, Diff: saved.Diff{a, b2}}, {Addr: address.MustParse("new.a"), Kind: saved.Module, Diff: saved.Diff{b}}}})
	want := []Move{
		{address.MustParse("one.a"), change.Diff{b}, change.Diff{b2}}, {Addr: address.MustParse("new.a"), Is: change.Diff{b}}, {Addr: address.MustParse("gone.a"), Was: change.Diff{a}}}
	if got := now.Since(p, nil); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// TestSavedSteps converts a check to saved steps and back.
func TestSavedSteps(t *testing.T) {
	w := &world{done: map[string]bool{}}
	g := &plan.Graph{Steps: []*plan.Step{{Addr: plan.Gate}, step("one.a", &part{w: w, name: "one"}, plan.Gate)}}
	c := Check(t.Context(), g, Hosts{"a": nil}, quiet)
	p := &saved.Plan{Steps: c.Steps()}
	if k := []saved.StepKind{p.Steps[0].Kind, p.Steps[1].Kind}; k[0] != saved.Gate || k[1] != saved.Module {
		t.Errorf("kinds %v", k)
	}
	shown := Saved(p)
	if shown.Summary() != c.Summary() || len(shown.Pending()) != 1 || len(shown.Since(p, nil)) > 0 {
		t.Errorf("got %+v of %+v", shown, c)
	}
}
