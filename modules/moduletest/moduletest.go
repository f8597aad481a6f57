// Package moduletest has the test that every module passes. On a host in memory the
// module converges, stays converged, survives a lost connection at every change,
// and mends all drift of what it has made, and nothing else.
package moduletest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aymanbagabas/go-udiff"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/state"
)

// An Option changes the test for a module.
type Option func(*config)

type config struct {
	host    []hosttest.Option
	prepare []func(h *hosttest.Host)
	before  modules.Module
	skip    map[string]bool
	glob    string
	noBoot  bool
	removes bool
	build   func(h *hosttest.Host) modules.Module
}

// Host adds options to the host, which is bare otherwise.
func Host(opts ...hosttest.Option) Option {
	return func(c *config) { c.host = append(c.host, opts...) }
}

// Prepare does on the host what the steps before the module's do. f gets the host's
// console.
func Prepare(f func(h *hosttest.Host)) Option {
	return func(c *config) { c.prepare = append(c.prepare, f) }
}

// Before converges another module first, mostly the same one with other inputs. The
// test begins after that.
func Before(m modules.Module) Option { return func(c *config) { c.before = m } }

// NoDrift names paths, units, settings or objects that others may change, because
// the module does not compare them again.
func NoDrift(items ...string) Option {
	return func(c *config) {
		for _, item := range items {
			c.skip[item] = true
		}
	}
}

// NoReboot omits the test that everything is back after a reboot: for a Prepare
// that makes something which a reboot removes.
func NoReboot() Option { return func(c *config) { c.noBoot = true } }

// Removes is for a module that removes what others have made. Nothing of its own can
// drift.
func Removes() Option { return func(c *config) { c.removes = true } }

// Goldens replaces the pattern testdata/*.txtar of the goldens of this test; "" is
// none.
func Goldens(glob string) Option { return func(c *config) { c.glob = glob } }

// Converges tests a module that works on one host.
func Converges(t *testing.T, m modules.Module, opts ...Option) {
	t.Helper()
	ConvergesOn(t, func(*hosttest.Host) modules.Module { return m }, opts...)
}

// ConvergesOn tests a module that is made for each host h of the test, such as one
// that works on more hosts. build may make these hosts and connect them to h with
// hosttest.NewCluster. They are compared too.
func ConvergesOn(t *testing.T, build func(h *hosttest.Host) modules.Module, opts ...Option) {
	t.Helper()
	c := &config{glob: "testdata/*.txtar", skip: map[string]bool{}, build: build}
	for _, o := range opts {
		o(c)
	}
	var want run
	test := func(name string, f func(t *testing.T)) bool {
		return t.Run(name, func(t *testing.T) { inBubble(t, f) })
	}
	test("bare host", c.answersOnBareHost)
	if !test("converge", func(t *testing.T) { want = c.converges(t) }) {
		return
	}
	test("round trips", c.takesFewRounds)
	test("cut", func(t *testing.T) { c.survivesCuts(t, want) })
	if _, ok := c.build(hosttest.New("host-1", c.host...)).(modules.Replacer); ok {
		test("again", c.redoes)
	}
	if !c.removes {
		test("drift", func(t *testing.T) { c.mendsDrift(t, want) })
	}
	if !c.noBoot {
		test("reboot", c.survivesReboot)
	}
	c.goldens(t)
}

// inBubble runs f with a clock that stands still until all goroutines wait. So
// waiting costs no time, and calls can be counted by the time that they take.
func inBubble(t *testing.T, f func(t *testing.T)) {
	now := time.Now()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now)) // bubbles begin in the year 2000
		f(t)
	})
}

// A bench is a fresh host and the module for it.
type bench struct {
	t *testing.T
	h *hosttest.Host
	m modules.Module
}

func (c *config) bench(t *testing.T) bench {
	t.Helper()
	h := hosttest.New("host-1", c.host...)
	for _, f := range c.prepare {
		f(h.Admin())
	}
	b := bench{t: t, h: h, m: c.build(h)}
	if c.before != nil {
		b.converge(c.before, "the module before")
	}
	h.ClearLog()
	return b
}

// A run is what a module did without a fault.
type run struct {
	log  []hosttest.Entry
	snap string
}

// converges checks that one Apply is enough, and changes nothing else.
func (c *config) converges(t *testing.T) run {
	b := c.bench(t)
	d := b.check(b.m, "")
	if len(d) == 0 {
		t.Fatal("Check finds nothing to do: the host is as the module wants it before Apply")
	}
	if until := d.Until(); len(until) > 0 {
		t.Fatalf("Check does not know all before Apply: unknown until %s; use Prepare to bring the host there\n%s", address.Join(until, ", "), render(d))
	}
	if again := b.check(b.m, "again"); !slices.Equal(d, again) {
		t.Errorf("two Checks in a row differ (-first +second):\n%s", difference(render(d), render(again)))
	}
	if err := b.apply(b.m, d); err != nil {
		t.Fatalf("Apply: %v\nchanges so far:\n%s", err, list(b.h.Log()))
	}
	r := run{log: b.h.Log(), snap: snapshot(b.h)}
	if len(r.log) == 0 {
		t.Fatalf("Apply changed nothing, for\n%s", render(d))
	}
	if remaining := b.check(b.m, "after Apply"); len(remaining) > 0 {
		t.Fatalf("Check still finds after Apply:\n%s", render(remaining))
	}
	if strings.Contains(r.snap, " need-reload") {
		t.Errorf("Apply leaves systemd in need of a reload:\n%s", r.snap)
	}
	b.owns(d)
	before := b.h.Stamps()
	if err := b.apply(b.m, nil); err != nil {
		t.Errorf("Apply of an empty diff: %v", err)
	}
	if touched := changed(before, b.h.Stamps()); len(touched) > 0 || snapshot(b.h) != r.snap {
		t.Errorf("Apply of an empty diff changed %v:\n%s", touched, difference(r.snap, snapshot(b.h)))
	}
	return r
}

// answersOnBareHost checks that Check returns no error if earlier steps have made
// nothing.
func (c *config) answersOnBareHost(t *testing.T) {
	h := hosttest.New("host-1", c.host...)
	b := bench{t: t, h: h, m: c.build(h)}
	b.check(b.m, "on a bare host")
}

// maxRounds is how many round trips, one after the other, a Check may take if nothing
// differs.
const maxRounds = 2

// takesFewRounds counts, by the clock, the calls that wait for each other.
func (c *config) takesFewRounds(t *testing.T) {
	b := c.bench(t)
	b.converge(b.m, "")
	for _, h := range b.h.Cluster().Hosts() {
		hosttest.WithLatency(time.Second)(h)
	}
	start := time.Now()
	if _, err := b.m.Check(context.Background(), b.h); err != nil {
		t.Fatalf("Check: %v", err)
	}
	if n := int(time.Since(start) / time.Second); n > maxRounds {
		t.Errorf("Check takes %d round trips one after the other, may take %d", n, maxRounds)
	}
}

// survivesReboot restarts the host. Nothing may differ then, also of what was loaded
// or started.
func (c *config) survivesReboot(t *testing.T) {
	b := c.bench(t)
	b.converge(b.m, "")
	b.h.Reboot()
	if d := b.check(b.m, "after a reboot"); len(d) > 0 {
		t.Errorf("a reboot undoes what Apply did:\n%s", render(d))
	}
}

// survivesCuts loses the connection after every change and during every change.
func (c *config) survivesCuts(t *testing.T, want run) {
	for n := 1; n <= len(want.log); n++ {
		if n < len(want.log) {
			c.survivesCut(t, want, n, "after", (*hosttest.Host).CutAfter)
		}
		c.survivesCut(t, want, n, "in", (*hosttest.Host).CutDuring)
	}
}

func (c *config) survivesCut(t *testing.T, want run, n int, when string, cut func(*hosttest.Host, int)) {
	b := c.bench(t)
	d, err := b.m.Check(context.Background(), b.h)
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	cut(b.h, n)
	err = b.apply(b.m, d)
	log := b.h.Log()
	if !b.h.Lost() {
		t.Errorf("Apply took %d changes at first and %d now: it is not the same every time", len(want.log), len(log))
		return
	}
	last := log[len(log)-1]
	if !errors.Is(err, host.ErrLost) {
		t.Errorf("connection lost %s change %d (%s): Apply says %v, must wrap host.ErrLost", when, n, last, err)
	}
	b.h.Reconnect()
	middle := snapshot(b.h)
	again := b.check(b.m, "after reconnecting")
	if len(again) == 0 && middle != want.snap {
		t.Errorf("connection lost %s change %d (%s): Check finds nothing left to do, but there is (-uncut +cut):\n%s", when, n, last, difference(want.snap, middle))
		return
	}
	if len(again) > 0 {
		if err := b.apply(b.m, again); err != nil {
			t.Errorf("connection lost %s change %d (%s): Apply from the start: %v", when, n, last, err)
			return
		}
	}
	if remaining := b.check(b.m, "after the second Apply"); len(remaining) > 0 {
		t.Errorf("connection lost %s change %d (%s): Check still finds after the second Apply:\n%s", when, n, last, render(remaining))
	}
	if got := snapshot(b.h); got != want.snap {
		t.Errorf("connection lost %s change %d (%s): the end is another (-uncut +cut):\n%s", when, n, last, difference(want.snap, got))
	}
}

// redoes makes a Replacer redo its work, with an interruption at every change.
func (c *config) redoes(t *testing.T) {
	for cut, n := true, 0; cut; n++ {
		b := c.bench(t)
		b.converge(b.m, "")
		b.h.ClearLog()
		again := func() error {
			d, err := b.m.(modules.Replacer).Redo(context.Background(), b.check(b.m, "before doing it again"))
			if err != nil {
				t.Fatalf("Redo: %v", err)
			}
			if !slices.ContainsFunc(d, func(c change.Change) bool { return n > 0 || c.Why == change.ReplaceAsked }) {
				t.Fatalf("Redo adds nothing that says %q:\n%s", change.ReplaceAsked, render(d))
			}
			return b.apply(b.m, d)
		}
		if n > 0 {
			b.h.CutDuring(n)
		}
		err := again()
		if cut = n == 0 || b.h.Lost(); cut && n > 0 {
			b.h.Reconnect()
			err = again()
		}
		if err != nil {
			t.Fatalf("Apply: %v", err)
		}
		if len(b.h.Log()) == 0 {
			t.Fatal("doing it again changed nothing")
		}
		if remaining := b.check(b.m, "after doing it again"); len(remaining) > 0 {
			t.Errorf("Check finds after doing it again:\n%s", render(remaining))
		}
	}
}

// check calls Check as a read-only agent does, and fails if it changes something.
func (b bench) check(m modules.Module, when string) change.Diff {
	b.t.Helper()
	before, stamps := snapshot(b.h), b.h.Stamps()
	hosts := b.h.Cluster().Hosts()
	for _, h := range hosts {
		h.ReadOnly(true)
	}
	d, err := m.Check(context.Background(), b.h)
	for _, h := range hosts {
		h.ReadOnly(false)
	}
	if err != nil {
		b.t.Fatalf("Check %s: %v", when, err)
	}
	if touched := changed(stamps, b.h.Stamps()); len(touched) > 0 || snapshot(b.h) != before {
		b.t.Fatalf("Check %s changed the host: %v\n%s", when, touched, difference(before, snapshot(b.h)))
	}
	b.survivesSaving(d)
	return d
}

// survivesSaving checks that a saved plan returns a diff as it was. Every
// change that it returns otherwise would pass for one of the host.
func (b bench) survivesSaving(d change.Diff) {
	b.t.Helper()
	file, err := json.Marshal(change.Saved(d))
	if err != nil {
		b.t.Fatalf("encode the diff: %v", err)
	}
	var got change.Saved
	if err := json.Unmarshal(file, &got); err != nil {
		b.t.Fatalf("decode the diff: %v", err)
	}
	if !slices.Equal(change.Diff(got), d) {
		b.t.Errorf("a saved plan returns\n%+v\nfor\n%+v", got, d)
	}
}

// converge does one Check and Apply, which must be enough.
func (b bench) converge(m modules.Module, who string) {
	b.t.Helper()
	d, err := m.Check(context.Background(), b.h)
	if err != nil {
		b.t.Fatalf("Check %s: %v", who, err)
	}
	if err := b.apply(m, d); err != nil {
		b.t.Fatalf("Apply %s: %v", who, err)
	}
}

// apply makes the changes with a keeper of the host's record, like a run.
func (b bench) apply(m modules.Module, d change.Diff) error {
	r, err := state.Load(context.Background(), b.h)
	if err != nil {
		return err
	}
	ctx := state.WithKeeper(context.Background(), state.NewKeeper(b.h, "run", r))
	return m.Apply(ctx, b.h, d)
}

// snapshot returns the state of all hosts that the module may work on.
func snapshot(h *hosttest.Host) string {
	var b strings.Builder
	for _, h := range h.Cluster().Hosts() {
		b.WriteString("host " + h.Name() + "\n" + h.Snapshot())
	}
	return b.String()
}

// owns checks that the module owns all that it changes: other items would be removed
// as leftovers.
func (b bench) owns(d change.Diff) {
	b.t.Helper()
	var items []string
	if o, ok := b.m.(modules.Owner); ok {
		items = o.Owns()
	}
	for _, c := range d {
		if c.Action != change.Remove && !slices.Contains(items, c.Item) {
			b.t.Errorf("Owns lacks %s %s, which Check finds: it would be removed as a leftover", c.Class, c.Item)
		}
	}
}

// difference returns the lines in which two texts differ.
func difference(a, b string) string {
	var out strings.Builder
	for _, line := range strings.Split(udiff.Unified("", "", a, b), "\n") {
		if strings.HasPrefix(line, "-") && line != "--- " || strings.HasPrefix(line, "+") && line != "+++ " {
			out.WriteString("    " + line + "\n")
		}
	}
	return out.String()
}
