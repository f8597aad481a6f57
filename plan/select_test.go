package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"pgregory.net/rapid"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

type prober struct{}

func (prober) Probe(context.Context, host.Host) ([]preflight.Finding, error) { return nil, nil }

type changer struct{}

func (changer) Check(context.Context, host.Host) (change.Diff, error) { return nil, nil }
func (changer) Apply(context.Context, host.Host, change.Diff) error   { return nil }

// small returns the graph of a control-plane host and two workers, which take
// turns.
func small() *Graph {
	g := &Graph{}
	add := func(a address.Addr, w modules.Module, after ...address.Addr) *Step {
		s := &Step{Addr: a, Work: w, After: after}
		g.Steps = append(g.Steps, s)
		return s
	}
	for _, h := range []string{"cp-1", "worker-1", "worker-2"} {
		add(address.Of("preflight", h), nil).Probe = prober{}
	}
	add(Connectivity, nil).Probe = prober{}
	add(Gate, nil, address.MustParse("preflight.cp-1"), address.MustParse("preflight.worker-1"), address.MustParse("preflight.worker-2"), Connectivity)
	for _, h := range []string{"cp-1", "worker-1", "worker-2"} {
		add(address.Of("programs", h), changer{}, Gate)
	}
	add(address.MustParse("ca.cp-1"), changer{}, address.MustParse("programs.cp-1"))
	for i, h := range []string{"worker-1", "worker-2"} {
		turns := []address.Addr{}
		if i > 0 {
			turns = []address.Addr{address.MustParse("node.worker-1")}
		}
		add(address.Of("containerd", h), changer{}, append([]address.Addr{address.Of("programs", h)}, turns...)...).Turns = turns
		add(address.Of("kubelet", h), changer{}, address.Of("containerd", h), address.MustParse("ca.cp-1"))
		add(address.Of("node", h), changer{}, address.Of("kubelet", h))
	}
	add(address.MustParse("dns.cp-1"), changer{}, address.MustParse("node.worker-1"), address.MustParse("node.worker-2"))
	return g
}

func TestExcluded(t *testing.T) {
	tests := []struct {
		name    string
		sel     Selection
		pending string // "" is all
		want    string // what is done of that
	}{
		{"all", Selection{}, "", "programs.cp-1 programs.worker-1 programs.worker-2 ca.cp-1 containerd.worker-1 kubelet.worker-1 node.worker-1 containerd.worker-2 kubelet.worker-2 node.worker-2 dns.cp-1"},
		{"target with what it needs, not with turns", Selection{Target: []string{"kubelet.worker-2"}}, "", "programs.cp-1 programs.worker-2 ca.cp-1 containerd.worker-2 kubelet.worker-2"},
		{"target of a module", Selection{Target: []string{"programs"}}, "", "programs.cp-1 programs.worker-1 programs.worker-2"},
		{"targets of a host", Selection{Target: []string{"worker-1"}}, "", "programs.cp-1 programs.worker-1 ca.cp-1 containerd.worker-1 kubelet.worker-1 node.worker-1"},
		{"another host needs no change", Selection{Target: []string{"kubelet.worker-2"}}, "programs.cp-1 programs.worker-2 kubelet.worker-2", "programs.worker-2 kubelet.worker-2"},
		{"target without a change", Selection{Target: []string{"kubelet.worker-2"}}, "programs.worker-1 programs.worker-2 node.worker-2", "programs.worker-2"},
		{"exclude with what needs it", Selection{Exclude: []string{"kubelet.worker-1"}}, "", "programs.cp-1 programs.worker-1 programs.worker-2 ca.cp-1 containerd.worker-1 containerd.worker-2 kubelet.worker-2 node.worker-2"},
		{"exclude without a change", Selection{Exclude: []string{"containerd.worker-1"}}, "containerd.worker-2 kubelet.worker-1 dns.cp-1", "kubelet.worker-1 containerd.worker-2 dns.cp-1"},
		{"exclude behind what needs no change", Selection{Exclude: []string{"programs.worker-1"}}, "programs.worker-1 kubelet.worker-1 kubelet.worker-2", "kubelet.worker-2"},
		{"limit", Selection{Limit: []string{"worker-1"}}, "", "programs.worker-1 containerd.worker-1"},
		{"limit where the others need no change", Selection{Limit: []string{"worker-2"}}, "programs.cp-1 programs.worker-2 containerd.worker-2 kubelet.worker-1 kubelet.worker-2 node.worker-2 dns.cp-1", "programs.worker-2 containerd.worker-2 kubelet.worker-2 node.worker-2"},
		{"limit to a range", Selection{Limit: []string{"worker-[1-9]"}}, "kubelet.worker-1 kubelet.worker-2 dns.cp-1", "kubelet.worker-1 kubelet.worker-2"},
		{"target and exclude", Selection{Target: []string{"node.worker-1"}, Exclude: []string{"ca.*"}}, "", ""},
		{"target behind what is excluded and needs no change", Selection{Target: []string{"kubelet.worker-1"}, Exclude: []string{"containerd.worker-1"}}, "programs.worker-1 kubelet.worker-1", "programs.worker-1 kubelet.worker-1"},
		{"target and limit", Selection{Target: []string{"containerd"}, Limit: []string{"worker-2"}}, "", "programs.worker-2 containerd.worker-2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := small()
			c, err := g.Select(tt.sel)
			if err != nil {
				t.Fatal(err)
			}
			pending := func(a address.Addr) bool {
				return tt.pending == "" && !strings.HasPrefix(a.String(), "preflight") && a != Gate && a != Connectivity || slices.Contains(strings.Fields(tt.pending), a.String())
			}
			excluded := c.Excluded(pending)
			var got []string
			for _, s := range g.Steps {
				if _, out := excluded[s.Addr]; !out && pending(s.Addr) {
					got = append(got, s.Addr.String())
				}
			}
			if d := cmp.Diff(tt.want, strings.Join(got, " ")); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestExcludedSaysWhy(t *testing.T) {
	g := small()
	c, err := g.Select(Selection{Target: []string{"*.worker-[1-2]"}, Exclude: []string{"kubelet.worker-1"}})
	if err != nil {
		t.Fatal(err)
	}
	excluded := c.Excluded(func(address.Addr) bool { return true })
	for a, want := range map[address.Addr]change.Exclusion{
		address.MustParse("kubelet.worker-1"): {Flag: "-exclude"}, address.MustParse("node.worker-1"): {Flag: "-exclude", Cause: address.MustParse("kubelet.worker-1")},
		address.MustParse("dns.cp-1"): {Flag: "-exclude", Cause: address.MustParse("kubelet.worker-1")}, address.MustParse("kubelet.worker-2"): {}, address.MustParse("ca.cp-1"): {}, address.MustParse("gate"): {},
	} {
		if want.Pending = want != (change.Exclusion{}); excluded[a] != want {
			t.Errorf("%s: got %+v, want %+v", a, excluded[a], want)
		}
	}
}

func TestSelectRefuses(t *testing.T) {
	tests := []struct {
		sel  Selection
		want string
	}{
		{Selection{Target: []string{"kubelt.worker-1"}}, "-target=kubelt.worker-1: there is no step kubelt.worker-1; did you mean kubelet.worker-1 or kubelet.worker-2?"},
		{Selection{Target: []string{"kublet"}}, "-target=kublet: there is no step kublet; did you mean kubelet?"},
		{Selection{Exclude: []string{"x", "kubelet.worker-3"}}, "-exclude=x: there is no step x; there are programs, ca, containerd, kubelet, node, dns\n" +
			"-exclude=kubelet.worker-3: there is no step kubelet.worker-3; did you mean kubelet.worker-1 or kubelet.worker-2?"},
		{Selection{Limit: []string{"worker-11"}}, "-limit=worker-11: there is no host worker-11; did you mean worker-1 or worker-2?"},
		{Selection{Target: []string{"preflight.*"}}, "-target=preflight.*: it is a check, which changes nothing and runs in any case"},
		{Selection{Target: []string{"gate"}}, "-target=gate: it is a check, which changes nothing and runs in any case"},
		{Selection{Target: []string{""}}, "-target=: name a step, such as kubelet.worker-1"},
		{Selection{Limit: []string{""}}, "-limit=: name a host"},
		{Selection{Limit: []string{"worker-1,worker-2"}}, "-limit=worker-1,worker-2: there is no host worker-1,worker-2; name one at a time: -limit=worker-1 -limit=worker-2"},
		{Selection{Limit: []string{"worker-[3-4]"}}, "-limit=worker-[3-4]: there is no host worker-[3-4]"},
	}
	for _, tt := range tests {
		_, err := small().Select(tt.sel)
		if got := fmt.Sprint(err); got != tt.want {
			t.Errorf("%+v:\n got %s\nwant %s", tt.sel, got, tt.want)
		}
	}
}

func TestFind(t *testing.T) {
	tests := []struct{ text, want string }{
		{"kubelet.worker-1", "kubelet.worker-1"}, {"kubelet.*", "kubelet.worker-1 kubelet.worker-2"}, {"kubelet", "kubelet.worker-1 kubelet.worker-2"},
		{"kubelet.worker-[1-1]", "kubelet.worker-1"}, {"k*.worker-[2-30]", "kubelet.worker-2"}, {"kubelet on worker-[1-2]", "kubelet.worker-1 kubelet.worker-2"},
		{"programs on cp-1, worker-2", "programs.cp-1 programs.worker-2"}, {"*.cp-1", "preflight.cp-1 programs.cp-1 ca.cp-1 dns.cp-1"},
		{"cp-[1-1]", "preflight.cp-1 programs.cp-1 ca.cp-1 dns.cp-1"}, {"gate", "gate"}, {"*", ""}, {"worker", ""}, {"kubelet.worker-01", ""},
		{"kubelet.worker-[01-2]", "kubelet.worker-1 kubelet.worker-2"}, {"kubelet.", ""}, {".worker-1", ""}, {"kubelet.worker-(1)", ""}, {"", ""}, {"gate.*", ""},
	}
	for _, tt := range tests {
		var got []string
		list, err := small().Find(tt.text)
		for _, s := range list {
			got = append(got, s.Addr.String())
		}
		want := tt.want
		if tt.text == "*" {
			want = strings.Join(got, " ")
			if len(got) != len(small().Steps) {
				t.Errorf("* names %d steps", len(got))
			}
		}
		if strings.Join(got, " ") != want || (err != nil) != (want == "") {
			t.Errorf("%q names %v, %v; want %s", tt.text, got, err, want)
		}
	}
}

// TestFindPrinted: every address can be typed as it is printed.
func TestFindPrinted(t *testing.T) {
	g := &Graph{}
	for _, text := range []string{"connectivity", "kubelet.node-1.example.com", "file[motd].node-1.example.com", "file[a.b].node-1.example.com"} {
		g.Steps = append(g.Steps, &Step{Addr: address.MustParse(text)})
	}
	for _, s := range g.Steps {
		if got, err := g.Find(s.Addr.String()); err != nil || len(got) != 1 || got[0] != s {
			t.Errorf("%s names %v, %v", s.Addr, got, err)
		}
	}
}

// TestExcludedIsClosed draws graphs and choices. Whatever is excluded, all
// that a remaining step needs is done; no step is excluded without a reason; and
// no step remains that a flag excludes or that no target needs.
func TestExcludedIsClosed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, pending := drawGraph(t)
		c := &Choice{graph: g}
		some := func(label string) map[address.Addr]bool {
			if !rapid.Bool().Draw(t, label) {
				return nil
			}
			set := map[address.Addr]bool{}
			for _, s := range g.Steps {
				if rapid.IntRange(0, 5).Draw(t, label+" "+s.Addr.String()) == 0 {
					set[s.Addr] = true
				}
			}
			return set
		}
		c.target, c.exclude = some("target"), some("exclude")
		if rapid.Bool().Draw(t, "limit") {
			c.limit = map[string]bool{"a": true}
		}
		excluded := c.Excluded(func(a address.Addr) bool { return pending[a] })
		done := map[address.Addr]bool{}
		for _, s := range g.Steps {
			if _, out := excluded[s.Addr]; !out && pending[s.Addr] {
				done[s.Addr] = true
			}
		}
		neededBy := map[address.Addr][]address.Addr{} // of pending steps, by what they need
		for _, s := range g.Steps {
			if pending[s.Addr] {
				for n := range needed(g, s, pending) {
					neededBy[n] = append(neededBy[n], s.Addr)
				}
			}
		}
		for _, s := range g.Steps {
			a := s.Addr
			l, out := excluded[a]
			if done[a] {
				for n := range needed(g, s, pending) {
					if !done[n] {
						t.Fatalf("%s is done without %s, which it needs", a, n)
					}
				}
				if c.exclude[a] || c.limit != nil && !c.limit[a.Host] {
					t.Fatalf("%s is done, and a flag forbids it", a)
				}
				if c.target != nil && !c.target[a] && !forTarget(g, c, excluded, pending, a) {
					t.Fatalf("%s is done, and no target needs it", a)
				}
			}
			if !out {
				continue
			}
			switch {
			case !l.Cause.IsZero():
				if !needed(g, s, pending)[l.Cause] || excluded[l.Cause] != (change.Exclusion{Flag: l.Flag, Pending: true}) {
					t.Fatalf("%s is left out for %s, which it does not need or which is not: %+v", a, l.Cause, excluded[l.Cause])
				}
			case l.Flag == "-exclude" && !c.exclude[a], l.Flag == "-limit" && c.limit[a.Host], l.Flag == "-target" && c.target[a]:
				t.Fatalf("%s is left out for %s, which does not say so", a, l.Flag)
			}
		}
	})
}

// needed returns the pending steps that must be done before a step, by a simple
// search.
func needed(g *Graph, s *Step, pending map[address.Addr]bool) map[address.Addr]bool {
	out := map[address.Addr]bool{}
	var visit func(s *Step)
	visit = func(s *Step) {
		for _, d := range s.After {
			if slices.Contains(s.Turns, d) {
				continue
			}
			i := slices.IndexFunc(g.Steps, func(o *Step) bool { return o.Addr == d })
			if pending[d] && !out[d] {
				out[d] = true
				visit(g.Steps[i])
			}
			if !pending[d] && d.Host == s.Addr.Host {
				visit(g.Steps[i])
			}
		}
	}
	visit(s)
	return out
}

// forTarget reports whether a target that is not excluded needs a step.
func forTarget(g *Graph, c *Choice, excluded map[address.Addr]change.Exclusion, pending map[address.Addr]bool, a address.Addr) bool {
	for _, s := range g.Steps {
		if _, out := excluded[s.Addr]; c.target[s.Addr] && !out && needed(g, s, pending)[a] {
			return true
		}
	}
	return false
}

func drawGraph(t *rapid.T) (*Graph, map[address.Addr]bool) {
	g, pending := &Graph{}, map[address.Addr]bool{}
	for i := range rapid.IntRange(1, 14).Draw(t, "steps") {
		a := address.Of(fmt.Sprintf("m%d", i), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "host"))
		s := &Step{Addr: a, Work: changer{}}
		for _, before := range g.Steps {
			switch rapid.IntRange(0, 5).Draw(t, "edge") {
			case 0, 1:
				s.After = append(s.After, before.Addr)
			case 2:
				s.After, s.Turns = append(s.After, before.Addr), append(s.Turns, before.Addr)
			}
		}
		g.Steps = append(g.Steps, s)
		pending[a] = rapid.Bool().Draw(t, "pending")
	}
	return g, pending
}

func TestCycle(t *testing.T) {
	at := func(line int) hcl.Range { return hcl.Range{Filename: "cluster.hcl", Start: hcl.Pos{Line: line}} }
	g := &Graph{Steps: []*Step{
		{Addr: address.MustParse("z"), Source: at(1), After: []address.Addr{address.MustParse("left-out")}}, {Addr: address.MustParse("a"), Source: at(2), After: []address.Addr{address.MustParse("z"), address.MustParse("b")}},
		{Addr: address.MustParse("b"), Source: at(3), After: []address.Addr{address.MustParse("z"), address.MustParse("c")}}, {Addr: address.MustParse("c"), Source: at(4), After: []address.Addr{address.MustParse("a")}}}}
	want := "steps wait for each other: a (cluster.hcl:2) -> b (cluster.hcl:3) -> c (cluster.hcl:4) -> a"
	if err := g.check(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if c := small().cycle(); c != nil {
		t.Errorf("small has a cycle: %s", cycleText(c))
	}
}
