package plan

import (
	"context"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/modules"
)

// giver owns items, gives values, and can be redone.
type giver struct {
	changer
	items  []string
	values []modules.Output
}

func (g giver) Owns() []string            { return g.items }
func (g giver) Outputs() []modules.Output { return g.values }
func (giver) Redo(_ context.Context, d change.Diff) (change.Diff, error) {
	return d, nil
}

func TestCheckOwners(t *testing.T) {
	step := func(addr, on string, items ...string) *Step {
		return &Step{Addr: address.MustParse(addr), Work: giver{items: items}, On: on}
	}
	tests := []struct {
		name  string
		steps []*Step
		want  string
	}{
		{"items of their own", []*Step{step("a.x", "", "/etc/a", "/etc/a"), step("b.x", "", "/etc/b")}, ""},
		{"one item on two hosts", []*Step{step("a.x", "", "/etc/a"), step("a.y", "", "/etc/a")}, ""},
		{"one item on one host", []*Step{step("a.x", "", "/etc/a"), step("b.x", "", "/etc/b", "/etc/a")}, "a.x and b.x both own /etc/a on the host x"},
		{"one item on the host that runs both", []*Step{step("a.x", "", "node/y"), step("b.y", "x", "node/y")}, "a.x and b.y both own node/y on the host x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := (&Graph{Steps: tt.steps}).check(); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestReplaceKeepsWhatItIs: a step that is redone owns and gives what it did
// before.
func TestReplaceKeepsWhatItIs(t *testing.T) {
	value := modules.NewValue[string](address.MustParse("a.x"))
	g := &Graph{Steps: []*Step{{Addr: address.MustParse("a.x"), Work: giver{items: []string{"/etc/a"}, values: []modules.Output{value}}}}}
	if err := g.Replace(func(address.Addr) bool { return true }); err != nil {
		t.Fatal(err)
	}
	work := g.Steps[0].Work
	if o, ok := work.(modules.Owner); !ok || len(o.Owns()) != 1 {
		t.Errorf("%T owns nothing", work)
	}
	if o, ok := work.(modules.Giver); !ok || len(o.Outputs()) != 1 {
		t.Errorf("%T gives nothing: readers of its value would wait until the check is cut off", work)
	}
}
