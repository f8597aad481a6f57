package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/state"
)

// world is what test modules change, and the order of the changes.
type world struct {
	mu    sync.Mutex
	done  map[string]bool
	order []string
}

// part is a module that is either done or not.
type part struct {
	w     *world
	name  string
	gives *modules.Value[string]
	needs *modules.Value[string]
	err   error
	hold  chan struct{} // Apply waits until it is closed
	began chan struct{} // closed when Apply begins
}

func (p *part) Check(ctx context.Context, _ host.Host) (change.Diff, error) {
	if p.needs != nil {
		if _, err := p.needs.Get(ctx); err != nil {
			return nil, err
		}
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if p.w.done[p.name] {
		if p.gives != nil {
			p.gives.Set(p.name)
		}
		return nil, nil
	}
	return change.Diff{{Kind: change.Text, Action: change.Add, Item: "/" + p.name, Want: p.name}}, nil
}

func (p *part) Apply(context.Context, host.Host, change.Diff) error {
	if p.began != nil {
		close(p.began)
	}
	if p.hold != nil {
		<-p.hold
	}
	if p.err != nil {
		return p.err
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.done[p.name] = true
	p.w.order = append(p.w.order, p.name)
	if p.gives != nil {
		p.gives.Set(p.name)
	}
	return nil
}

func (p *part) Outputs() []modules.Output {
	if p.gives == nil {
		return nil
	}
	return []modules.Output{p.gives}
}

// prober is a probe that has a finding or none.
type prober struct{ finds bool }

func (p prober) Probe(context.Context, host.Host) ([]preflight.Finding, error) {
	if !p.finds {
		return nil, nil
	}
	return []preflight.Finding{{Level: preflight.Error, Found: "swap is on"}}, nil
}

func probing(addr string, p plan.Probe) *plan.Step {
	return &plan.Step{Addr: address.MustParse(addr), Probe: p}
}

func step(addr string, work modules.Module, after ...address.Addr) *plan.Step {
	return &plan.Step{Addr: address.MustParse(addr), Work: work, After: after}
}

func quiet(event.Event) {}

// apply checks and applies steps on hosts named a and b.
func apply(t *testing.T, steps []*plan.Step, stop <-chan struct{}) (*Checked, *Result) {
	t.Helper()
	ctx := context.Background()
	hosts, keepers := Hosts{}, map[string]*state.Keeper{}
	for _, name := range []string{"a", "b"} {
		h := hosttest.New(name)
		r, err := state.Load(ctx, h)
		if err != nil {
			t.Fatal(err)
		}
		hosts[name], keepers[name] = h, state.NewKeeper(h, "run", r)
	}
	checked := Check(ctx, &plan.Graph{Steps: steps}, hosts, quiet)
	return checked, Apply(ctx, checked, hosts, Options{Keepers: keepers, Stop: stop}, quiet)
}

func TestApplyFollowsEdges(t *testing.T) {
	w := &world{done: map[string]bool{}}
	ca := modules.NewValue[string](address.MustParse("ca.a"))
	steps := []*plan.Step{
		step("ca.a", &part{w: w, name: "ca", gives: ca}),
		step("leaf.b", &part{w: w, name: "leaf", needs: ca}, address.MustParse("ca.a")),
		step("user.b", &part{w: w, name: "user"}, address.MustParse("leaf.b")),
	}
	checked, result := apply(t, steps, nil)
	if got := checked.Diffs[address.MustParse("leaf.b")].Until(); !slices.Equal(got, []address.Addr{address.MustParse("ca.a")}) {
		t.Errorf("leaf is known after %v, want ca.a", got)
	}
	if !result.Complete() || !slices.Equal(w.order, []string{"ca", "leaf", "user"}) {
		t.Errorf("got %+v in order %v", result, w.order)
	}
	if s := checked.Summary(); s != (Summary{Add: 3, Hosts: 2}) {
		t.Errorf("summary %+v", s)
	}
}

func TestFailureStopsWhatDependsOnItAlone(t *testing.T) {
	w := &world{done: map[string]bool{}}
	broken := errors.New("disk full")
	steps := []*plan.Step{
		step("one.a", &part{w: w, name: "one", err: broken}),
		step("two.a", &part{w: w, name: "two"}, address.MustParse("one.a")),
		step("three.a", &part{w: w, name: "three"}, address.MustParse("two.a")),
		step("other.b", &part{w: w, name: "other"}),
	}
	_, r := apply(t, steps, nil)
	if len(r.Failed) != 1 || !errors.Is(r.Failed[0], broken) || r.Failed[0].Error() != "one.a: apply: disk full" {
		t.Errorf("failed: %v", r.Failed)
	}
	want := []event.StepSkipped{{Addr: address.MustParse("two.a"), Cause: address.MustParse("one.a")}, {Addr: address.MustParse("three.a"), Cause: address.MustParse("one.a")}}
	if !slices.Equal(r.Skipped, want) {
		t.Errorf("skipped %v, want %v", r.Skipped, want)
	}
	if !slices.Equal(r.Done, []address.Addr{address.MustParse("other.b")}) {
		t.Errorf("done %v", r.Done)
	}
}

func TestProbeThatFindsSomething(t *testing.T) {
	w := &world{done: map[string]bool{}}
	checked := Check(context.Background(), &plan.Graph{Steps: []*plan.Step{
		probing("host.a", prober{finds: true}), probing("host.b", prober{}), step("gate", nil, address.MustParse("host.a"), address.MustParse("host.b")),
		step("one.a", &part{w: w, name: "one"}, address.MustParse("gate")),
	}}, Hosts{}, quiet)
	probes, errs := checked.Failed()
	if !slices.Equal(probes, []address.Addr{address.MustParse("host.a")}) || len(errs) != 0 {
		t.Errorf("failed probes %v, errors %v", probes, errs)
	}
}

func TestStopBeginsNothingMore(t *testing.T) {
	w := &world{done: map[string]bool{}}
	stop, first := make(chan struct{}), &part{w: w, name: "one", hold: make(chan struct{}), began: make(chan struct{})}
	go func() {
		<-first.began
		close(stop)
		close(first.hold)
	}()
	_, r := apply(t, []*plan.Step{step("one.a", first), step("two.a", &part{w: w, name: "two"}, address.MustParse("one.a"))}, stop)
	if !slices.Equal(r.Done, []address.Addr{address.MustParse("one.a")}) || len(r.Skipped) != 1 || !r.Skipped[0].Cause.IsZero() {
		t.Errorf("got %+v", r)
	}
}

func TestUnseenChangeIsRefused(t *testing.T) {
	planned := change.Diff{{Kind: change.Text, Item: "/a", Want: "x"}, {Kind: change.Cert, Item: "/c", Until: address.MustParse("ca.a")}}
	tests := []struct {
		name string
		now  change.Diff
		ok   bool
	}{
		{"what was to be known later", change.Diff{{Kind: change.Text, Item: "/c", Want: "c"}}, true},
		{"what was known beside it", change.Diff{{Kind: change.Text, Item: "/a", Want: "y"}, {Kind: change.Text, Item: "/c", Want: "c"}}, false},
		{"the same", planned, true},
		{"another content", change.Diff{{Kind: change.Text, Item: "/a", Want: "y"}}, false},
		{"another file", change.Diff{{Kind: change.Text, Item: "/b", Want: "x"}}, false},
		{"somebody changed what is there, to the same end", change.Diff{{Kind: change.Text, Item: "/a", Have: "z", Want: "x"}}, true},
		{"a unit that fell over meanwhile", append(slices.Clone(planned), change.Change{Kind: change.Unit, Item: "x.service"}), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := asPlanned(tt.now, planned); (err == nil) != tt.ok {
				t.Errorf("got %v, want ok %v", err, tt.ok)
			}
		})
	}
}

func TestJournalRecordsIntentAndResult(t *testing.T) {
	w := &world{done: map[string]bool{}}
	ctx := context.Background()
	h := hosttest.New("a")
	keeper := state.NewKeeper(h, "r1", &state.Record{Owns: map[string]state.Owned{}})
	hosts := Hosts{"a": h}
	g := &plan.Graph{Steps: []*plan.Step{step("one.a", &part{w: w, name: "one"}), step("two.a", &part{w: w, name: "two", err: fmt.Errorf("no")})}}
	Apply(ctx, Check(ctx, g, hosts, quiet), hosts, Options{Keepers: map[string]*state.Keeper{"a": keeper}, Parallelism: 1}, quiet)
	f, err := h.Files(ctx, []host.FileQuery{{Path: state.JournalPath, Content: true}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"step":"one.a","what":"intent"`, `"step":"one.a","what":"done"`, `"step":"two.a","what":"failed","err":"no"`} {
		if !strings.Contains(string(f[0].Content), want) {
			t.Errorf("the journal lacks %s:\n%s", want, f[0].Content)
		}
	}
}
