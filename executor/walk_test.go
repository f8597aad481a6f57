package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/state"
)

// busy is a module whose Apply takes a second and counts the others that run at
// the same time.
type busy struct {
	now, most *atomic.Int32
	done      atomic.Bool
}

func (b *busy) Check(context.Context, host.Host) (change.Diff, error) {
	if b.done.Load() {
		return nil, nil
	}
	return change.Diff{{Kind: change.Unit, Action: change.Add, Item: "x.service"}}, nil
}

func (b *busy) Apply(context.Context, host.Host, change.Diff) error {
	n := b.now.Add(1)
	for most := b.most.Load(); n > most && !b.most.CompareAndSwap(most, n); most = b.most.Load() {
	}
	time.Sleep(time.Second)
	b.now.Add(-1)
	b.done.Store(true)
	return nil
}

func TestParallelismIsBounded(t *testing.T) {
	tests := []struct {
		parallelism, steps, most int
		took                     time.Duration
	}{{1, 5, 1, 5 * time.Second}, {3, 7, 3, 3 * time.Second}, {0, 64, 64, time.Second}, {0, 65, 64, 2 * time.Second}, {100, 10, 10, time.Second}}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d of %d", tt.parallelism, tt.steps), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var now, most atomic.Int32
				g, hosts, keepers := &plan.Graph{}, Hosts{}, map[string]*state.Keeper{}
				for i := range tt.steps {
					name := fmt.Sprintf("h%d", i)
					h := hosttest.New(name)
					hosts[name], keepers[name] = h, state.NewKeeper(h, "run", &state.Record{Owns: map[string]state.Owned{}})
					g.Steps = append(g.Steps, step("x."+name, &busy{now: &now, most: &most}))
				}
				began := time.Now()
				r := Apply(context.Background(), Check(context.Background(), g, hosts, quiet), hosts,
					Options{Parallelism: tt.parallelism, Keepers: keepers}, quiet)
				if !r.Complete() || int(most.Load()) != tt.most || time.Since(began) != tt.took {
					t.Errorf("at most %d at a time in %v, want %d in %v", most.Load(), time.Since(began), tt.most, tt.took)
				}
			})
		})
	}
}

// TestVerifyWaits: Verify waits for what is about to become right, with a
// limit, and does not wait if nothing differs.
func TestVerifyWaits(t *testing.T) {
	tests := []struct {
		name       string
		after      time.Duration // until the module is right
		least, max time.Duration
		remaining  int
	}{
		{"at once", 0, 0, 0, 0},
		{"after a second", time.Second, time.Second, 2 * time.Second, 0},
		{"after a long time", 20 * time.Second, 20 * time.Second, 23 * time.Second, 0},
		{"never", time.Hour, verifyLimit, verifyLimit, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				g := &plan.Graph{Steps: []*plan.Step{probing("preflight.a", prober{finds: true}), step("slow.a", slow{began.Add(tt.after)})}}
				last := Verify(context.Background(), g, Hosts{})
				took := time.Since(began)
				if len(last.Pending()) != tt.remaining || took < tt.least || took > tt.max {
					t.Errorf("%d remain after %v, want %d after %v to %v", len(last.Pending()), took, tt.remaining, tt.least, tt.max)
				}
				if probes, _ := last.Failed(); len(probes) > 0 {
					t.Errorf("probes were run again: %v", probes)
				}
			})
		})
	}
}

// slow is a module that becomes right by itself.
type slow struct{ at time.Time }

func (s slow) Check(context.Context, host.Host) (change.Diff, error) {
	if time.Now().Before(s.at) {
		return change.Diff{{Kind: change.Unit, Action: change.Update, Item: "slow.service", Have: "activating", Want: "active"}}, nil
	}
	return nil, nil
}

func (s slow) Apply(context.Context, host.Host, change.Diff) error { return nil }

func TestVerifyReturnsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := errors.New("connection lost")
		g := &plan.Graph{Steps: []*plan.Step{step("x.a", broken{lost})}}
		_, errs := Verify(context.Background(), g, Hosts{}).Failed()
		if len(errs) != 1 || !errors.Is(errs[0], lost) {
			t.Errorf("got %v", errs)
		}
	})
}

// broken is a module whose check fails.
type broken struct{ err error }

func (b broken) Check(context.Context, host.Host) (change.Diff, error) { return nil, b.err }
func (b broken) Apply(context.Context, host.Host, change.Diff) error   { return b.err }

func TestMoved(t *testing.T) {
	text := func(want string) change.Diff { return change.Diff{{Kind: change.Text, Item: "/x", Want: want}} }
	tests := []struct {
		name      string
		then, now change.Diff
		moved     bool
	}{
		{name: "the same", then: text("a"), now: text("a")},
		{name: "nothing then and now", then: nil, now: change.Diff{}},
		{name: "another content", then: text("a"), now: text("b"), moved: true},
		{name: "done meanwhile", then: text("a"), moved: true},
		{name: "new", now: text("a"), moved: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &plan.Graph{Steps: []*plan.Step{step("x.a", &busy{})}}
			now := &Checked{Graph: g, Diffs: map[address.Addr]change.Diff{address.MustParse("x.a"): tt.now}}
			then := &Checked{Graph: g, Diffs: map[address.Addr]change.Diff{address.MustParse("x.a"): tt.then}}
			if got := len(now.Moved(then)) > 0; got != tt.moved {
				t.Errorf("moved %v, want %v", got, tt.moved)
			}
		})
	}
}

// TestCutOff: cancelling ends the running steps, and every pending step is in
// the result.
func TestCutOff(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	h := hosttest.New("a")
	began := make(chan struct{})
	steps := []*plan.Step{step("one.a", waits{began}), step("two.a", &busy{now: new(atomic.Int32), most: new(atomic.Int32)}, address.MustParse("one.a")),
		step("three.a", waits{nil}, address.MustParse("two.a"))}
	g := &plan.Graph{Steps: steps}
	checked := Check(ctx, g, Hosts{"a": h}, quiet)
	go func() { <-began; cancel() }()
	var mu sync.Mutex
	var events []event.Event
	r := Apply(ctx, checked, Hosts{"a": h}, Options{Keepers: map[string]*state.Keeper{"a": state.NewKeeper(h, "r", &state.Record{Owns: map[string]state.Owned{}})}},
		func(e event.Event) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, e)
		})
	if len(r.Failed) != 1 || !errors.Is(r.Failed[0], context.Canceled) || len(r.Skipped) != 2 || len(r.Done) != 0 {
		t.Errorf("got %+v", r)
	}
	if n := len(events); n != 4 { // started, failed, two skipped
		t.Errorf("%d events: %v", n, events)
	}
	if !slices.ContainsFunc(events, func(e event.Event) bool {
		f, ok := e.(event.StepFailed)
		return ok && f.Addr == address.MustParse("one.a")
	}) {
		t.Error("no event says that one.a failed")
	}
}

// waits is a module whose Apply waits until it is cancelled.
type waits struct{ began chan struct{} }

func (w waits) Check(context.Context, host.Host) (change.Diff, error) {
	return change.Diff{{Kind: change.Unit, Action: change.Add, Item: "x.service"}}, nil
}

func (w waits) Apply(ctx context.Context, _ host.Host, _ change.Diff) error {
	if w.began != nil {
		close(w.began)
	}
	<-ctx.Done()
	return ctx.Err()
}
