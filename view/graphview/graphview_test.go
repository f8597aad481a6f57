package graphview_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan/plantest"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/view/graphview"
	"github.com/pmkctl/pmkctl/view/viewtest"
)

var keep = flag.String("keep", "", "keep the pictures in this folder")

func ofSpec(t *testing.T, path string) *graphview.Graph {
	t.Helper()
	return graphview.New((&executor.Checked{Graph: plantest.Bare(t, path)}).Steps(), false)
}

// large is a plan of n hosts with m steps each, in the shape of a real one:
// each step waits for two before it, some for a step of the first host, and
// with turns the first of a host for the last of the host before.
func large(n, m int, turns bool) []saved.Step {
	var steps []saved.Step
	add := func(a address.Addr, k saved.StepKind, action change.Action, after ...address.Addr) {
		s := saved.Step{Addr: a, Kind: k, After: after}
		if action != "" {
			s.Diff = saved.Diff{{Action: action, Item: "x"}}
		}
		steps = append(steps, s)
	}
	var probes []address.Addr
	for h := range n {
		a := address.Of("preflight", fmt.Sprintf("worker-%d", h))
		probes = append(probes, a)
		add(a, saved.Probe, "")
	}
	add(address.MustParse("gate"), saved.Gate, "", probes...)
	for h := range n {
		name := fmt.Sprintf("worker-%d", h)
		at := func(i int) address.Addr { return address.Of(fmt.Sprintf("module-%d", i), name) }
		for i := range m - 1 {
			after := []address.Addr{address.MustParse("gate")}
			if i > 2 {
				after = []address.Addr{at(i - 2), at(i - 3)}
			}
			if h > 0 && i%10 == 5 {
				after = append(after, address.Of(fmt.Sprintf("module-%d", i-1), "worker-0"))
			}
			if turns && h > 0 && i == 8 {
				after = append(after, address.Of(fmt.Sprintf("module-%d", m-2), fmt.Sprintf("worker-%d", h-1)))
			}
			add(at(i), saved.Module, []change.Action{change.Add, "", change.Update, change.Remove}[(h/7+i)%4], after...)
		}
	}
	return steps
}

// draw makes a picture, and keeps it if that is asked for.
func draw(t *testing.T, name string, g *graphview.Graph) string {
	t.Helper()
	var b bytes.Buffer
	if err := graphview.SVG(&b, g, graphview.Options{Title: "Graph of " + name}); err != nil {
		t.Fatal(err)
	}
	if *keep != "" {
		if err := os.WriteFile(filepath.Join(*keep, strings.ReplaceAll(name, " ", "-")+".svg"), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// TestSize is of the largest picture that a page holds: about 1.5 MB and
// made in a moment.
func TestSize(t *testing.T) {
	for _, turns := range []bool{false, true} {
		began := time.Now()
		g := graphview.New(large(200, 30, turns), true)
		pic := draw(t, fmt.Sprintf("200 hosts turns %v", turns), g)
		took := time.Since(began)
		t.Logf("%d nodes, %d of %d edges drawn, %d bytes, %s", len(g.Nodes), len(g.Drawn()), len(g.Edges), len(pic), took)
		if len(pic) > 1_600_000 {
			t.Errorf("got %d bytes, want at most 1,600,000", len(pic))
		}
		if took > 3*time.Second { // a slow machine with the race detector
			t.Errorf("took %s", took)
		}
	}
}

// A picture as it was drawn.
type drawn struct {
	Lanes []struct {
		Host  string  `xml:"data-host,attr"`
		Boxes []group `xml:"g"`
		At    string  `xml:"transform,attr"`
	} `xml:"g>g"`
	Symbols []rect `xml:"defs>rect"`
}

type group struct {
	ID     string `xml:"id,attr"`
	Addr   string `xml:"data-addr,attr"`
	Module string `xml:"data-module,attr"`
	Action string `xml:"data-action,attr"`
	Hosts  string `xml:"data-hosts,attr"`
	At     string `xml:"transform,attr"`
	Text   string `xml:"text"`
	Use    struct {
		Of string `xml:"href,attr"`
	} `xml:"use"`
	Paths []struct {
		Class string `xml:"class,attr"`
		D     string `xml:"d,attr"`
		From  string `xml:"data-from,attr"`
	} `xml:"path"`
}

type rect struct {
	ID string `xml:"id,attr"`
	X  int    `xml:"x,attr"`
	Y  int    `xml:"y,attr"`
	W  int    `xml:"width,attr"`
	H  int    `xml:"height,attr"`
}

func parse(t *testing.T, pic string) *drawn {
	t.Helper()
	var d drawn
	if err := xml.Unmarshal([]byte(pic), &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

// A stroke is a piece of a line from one corner to the next.
type stroke struct{ x1, y1, x2, y2 int }

// strokes follows a line from its origin.
func strokes(t *testing.T, d string, x, y int) []stroke {
	t.Helper()
	var out []stroke
	var px, py int
	rest := d
	for rest != "" {
		op := rest[0]
		end := strings.IndexAny(rest[1:], "HhVv")
		args := rest[1:]
		if end >= 0 {
			args = rest[1 : 1+end]
		}
		rest = rest[1+len(args):]
		from := stroke{px, py, 0, 0}
		switch n, _ := strconv.Atoi(args); op {
		case 'M':
			if _, err := fmt.Sscan(args, &px, &py); err != nil {
				t.Fatal(d, err)
			}
			continue
		case 'H':
			px = n
		case 'h':
			px += n
		case 'V':
			py = n
		case 'v':
			py += n
		}
		out = append(out, stroke{x + min(from.x1, px), y + min(from.y1, py), x + max(from.x1, px), y + max(from.y1, py)})
	}
	return out
}

// TestLinesAndBoxes follows every line: it goes from its box to the one that
// waits, and runs through no other.
func TestLinesAndBoxes(t *testing.T) {
	for name, g := range graphs(t) {
		t.Run(name, func(t *testing.T) {
			d := parse(t, draw(t, name, g))
			symbols := map[string]rect{}
			for _, s := range d.Symbols {
				symbols["#"+s.ID] = s
			}
			boxes := map[string]stroke{}
			var lines [][]stroke
			var ends []struct{ from, to string }
			for _, l := range d.Lanes {
				var ly int
				scan(t, l.At, new(int), &ly)
				for _, b := range l.Boxes {
					var x, y int
					scan(t, b.At, &x, &y)
					s := symbols[b.Use.Of]
					boxes[b.ID] = stroke{x + s.X, ly + y + s.Y, x + s.X + s.W, ly + y + s.Y + s.H}
					for _, p := range b.Paths {
						lines = append(lines, strokes(t, p.D, x, ly+y))
						ends = append(ends, struct{ from, to string }{p.From, b.ID})
					}
				}
			}
			if len(boxes) != len(g.Nodes) || len(lines) != len(g.Drawn()) {
				t.Fatalf("got %d boxes and %d lines, want %d and %d", len(boxes), len(lines), len(g.Nodes), len(g.Drawn()))
			}
			for a, one := range boxes {
				for b, other := range boxes {
					if a != b && one.meets(other) {
						t.Fatalf("boxes %s and %s lie on each other", a, b)
					}
				}
			}
			for i, l := range lines {
				begin, end := boxes[ends[i].from], boxes[ends[i].to]
				first, last := l[0], l[len(l)-1]
				if first.x1 != begin.x2 || first.y1 < begin.y1 || first.y1 > begin.y2 || last.x2 != end.x1 || last.y2 < end.y1 || last.y2 > end.y2 {
					t.Fatalf("%v: the line %v does not go from %v to %v", ends[i], l, begin, end)
				}
				for id, b := range boxes {
					for _, s := range l {
						if s.meets(b) {
							t.Fatalf("%v: the line %v runs through %s, %v", ends[i], l, id, b)
						}
					}
				}
			}
		})
	}
}

func scan(t *testing.T, transform string, x, y *int) {
	t.Helper()
	if _, err := fmt.Sscanf(transform, "translate(%d %d)", x, y); err != nil {
		t.Fatal(transform, err)
	}
}

// meets reports whether two lie on each other; they may touch at an edge.
func (s stroke) meets(o stroke) bool {
	return s.x1 < o.x2 && o.x1 < s.x2 && s.y1 < o.y2 && o.y1 < s.y2 ||
		s.x1 == s.x2 && s.x1 > o.x1 && s.x1 < o.x2 && s.y1 < o.y2 && o.y1 < s.y2 ||
		s.y1 == s.y2 && s.y1 > o.y1 && s.y1 < o.y2 && s.x1 < o.x2 && o.x1 < s.x2
}

// graphs are of several shapes.
func graphs(t *testing.T) map[string]*graphview.Graph {
	t.Helper()
	three, hundred := ofSpec(t, "../../examples/three-hosts"), ofSpec(t, "../../examples/hundred-workers")
	turns := graphview.New(large(20, 14, true), true)
	return map[string]*graphview.Graph{
		"three": three, "three collapsed": three.Collapse(), "hundred collapsed": hundred.Collapse(),
		"turns": turns, "turns collapsed": turns.Collapse(), "one": graphview.New(large(1, 3, false), true), "none": graphview.New(nil, true),
	}
}

func TestSameBytes(t *testing.T) {
	for name, g := range graphs(t) {
		if a, b := draw(t, name, g), draw(t, name, graphs(t)[name]); a != b {
			t.Errorf("%s: the same graph gave two pictures", name)
		}
	}
}

// TestColumns: a step stands behind all that it waits for, but for turns, and
// all steps of a module stand in one column.
func TestColumns(t *testing.T) {
	for name, g := range graphs(t) {
		column := map[string]int{}
		for _, n := range g.Nodes {
			if was, ok := column[n.Module]; ok && was != n.Rank {
				t.Errorf("%s: %s stands in columns %d and %d", name, n.Module, was, n.Rank)
			}
			column[n.Module] = n.Rank
		}
		for _, e := range g.Edges {
			if from, to := g.Nodes[e.From], g.Nodes[e.To]; from.Rank >= to.Rank != e.Turn {
				t.Errorf("%s: %s in column %d, then %s in %d, turn %v", name, from.ID, from.Rank, to.ID, to.Rank, e.Turn)
			}
		}
	}
}

// TestImplied: leaving out what is implied loses nothing, and nothing is left
// that could be.
func TestImplied(t *testing.T) {
	for name, g := range graphs(t) {
		next := make([][]int, len(g.Nodes))
		for _, e := range g.Drawn() {
			if !e.Turn {
				next[e.From] = append(next[e.From], e.To)
			}
		}
		var reaches func(from, to, least int, seen map[int]bool) bool
		reaches = func(from, to, least int, seen map[int]bool) bool {
			for _, n := range next[from] {
				if n == to && least <= 1 || n != to && !seen[n] && reaches(n, to, least-1, seen) {
					return true
				}
				seen[n] = true
			}
			return false
		}
		for _, e := range g.Edges {
			if e.Turn {
				continue
			}
			if got := reaches(e.From, e.To, 2, map[int]bool{}); got != e.Implied {
				t.Errorf("%s: %s then %s: there is another way: %v, implied: %v", name, g.Nodes[e.From].ID, g.Nodes[e.To].ID, got, e.Implied)
			}
		}
	}
}

func TestCollapse(t *testing.T) {
	g := graphview.New([]saved.Step{
		{Addr: address.MustParse("preflight.a"), Kind: saved.Probe}, {Addr: address.MustParse("preflight.b"), Kind: saved.Probe},
		{Addr: address.MustParse("gate"), Kind: saved.Gate, After: []address.Addr{address.MustParse("preflight.a"), address.MustParse("preflight.b")}},
		{Addr: address.MustParse("ca.a"), Kind: saved.Module, After: []address.Addr{address.MustParse("gate")}, Diff: saved.Diff{{Action: change.Add}}},
		{Addr: address.MustParse("kubelet.a"), Kind: saved.Module, After: []address.Addr{address.MustParse("gate"), address.MustParse("ca.a")}, Diff: saved.Diff{{Action: change.Add}}},
		{Addr: address.MustParse("node.a"), Kind: saved.Module, After: []address.Addr{address.MustParse("kubelet.a")}, Diff: saved.Diff{{Until: address.MustParse("ca.a")}}},
		{Addr: address.MustParse("kubelet.b"), Kind: saved.Module, After: []address.Addr{address.MustParse("gate"), address.MustParse("ca.a"), address.MustParse("node.a"), address.MustParse("kubelet.left-out")}, Diff: saved.Diff{{Action: change.Restart}}},
		{Addr: address.MustParse("node.b"), Kind: saved.Module, After: []address.Addr{address.MustParse("kubelet.b")}},
		{Addr: address.MustParse("dns.a"), Kind: saved.Module, After: []address.Addr{address.MustParse("node.a"), address.MustParse("node.b")}, Excluded: &change.Exclusion{Flag: "-limit", Pending: true}},
	}, true).Collapse()
	var got []string
	for _, n := range g.Nodes {
		got = append(got, fmt.Sprintf("%d %s %s", n.Rank, n.Label(), n.Action))
	}
	for _, e := range g.Edges {
		got = append(got, fmt.Sprintf("%s > %s %v %v", g.Nodes[e.From].ID, g.Nodes[e.To].ID, e.Implied, e.Turn))
	}
	want := []string{
		"0 preflight (2 hosts) none", "1 gate none", "2 ca (a) add", "3 kubelet (2 hosts) update", "4 node (2 hosts) later", "5 dns (a) left",
		"preflight > gate false false", "gate > ca false false", "gate > kubelet true false", "ca > kubelet false false",
		"node > kubelet false true", "kubelet > node false false", "node > dns false false",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	d := parse(t, draw(t, "small", g))
	if b := d.Lanes[0].Boxes[3]; b.Text != "~ kubelet (2 hosts: ~1 +1)" || b.Hosts != "a b" || b.Action != "update" || b.Addr != "kubelet" || b.Module != "kubelet" {
		t.Errorf("got %+v", b)
	}
}

// TestDOT asks Graphviz where there is one.
func TestDOT(t *testing.T) {
	dot, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("Graphviz is not installed")
	}
	for name, g := range graphs(t) {
		var b bytes.Buffer
		if err := graphview.DOT(&b, g, `a "title" \ of `+name); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(dot, "-Tplain")
		cmd.Stdin = &b
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || stderr.Len() > 0 {
			t.Fatalf("%s: dot: %v\n%s", name, err, stderr.String())
		}
		lines := strings.Split(string(out), "\n")
		if nodes, edges := begin(lines, "node "), begin(lines, "edge "); nodes != len(g.Nodes) || edges != len(g.Drawn()) {
			t.Errorf("%s: dot saw %d nodes and %d edges, want %d and %d", name, nodes, edges, len(g.Nodes), len(g.Drawn()))
		}
	}
}

func begin(lines []string, with string) (n int) {
	for _, l := range lines {
		if strings.HasPrefix(l, with) {
			n++
		}
	}
	return n
}

// What of Mermaid's grammar is used here. A text that begins as a list does
// is drawn as "Unsupported markdown".
var (
	mermaidHead  = regexp.MustCompile(`^---\ntitle: "(?:[^"\\\n]|\\.)*"\n---\nflowchart LR\n`)
	mermaidText  = `"[^-+*"\x60\d][^"\x60]*"`
	mermaidNode  = regexp.MustCompile(`^ +(n\d+)(?:\[` + mermaidText + `\]|\(` + mermaidText + `\)|\{` + mermaidText + `\})$`)
	mermaidOpen  = regexp.MustCompile(`^  subgraph h\d+\["[^"\x60]+"\]$`)
	mermaidEdge  = regexp.MustCompile(`^  (n\d+) (?:-->|-\.->) (n\d+)$`)
	mermaidClass = regexp.MustCompile(`^  class ((?:n\d+,)*n\d+) (\w+)$`)
	mermaidDef   = regexp.MustCompile(`^  classDef (\w+) [\w-]+:[#\w ]+(?:,[\w-]+:[#\w ]+)*$`)
)

// TestMermaid reads the chart line by line: every line is of its grammar, and
// every node and class is there before it is used.
func TestMermaid(t *testing.T) {
	for name, g := range graphs(t) {
		var b bytes.Buffer
		if err := graphview.Mermaid(&b, g, `a "title" of `+name); err != nil {
			t.Fatal(err)
		}
		head := mermaidHead.FindString(b.String())
		if head == "" {
			t.Fatalf("%s: the head is wrong:\n%.100s", name, b.String())
		}
		nodes, classes, edges, open := map[string]bool{}, map[string]bool{}, 0, 0
		for line := range strings.Lines(b.String()[len(head):]) {
			line = strings.TrimSuffix(line, "\n")
			if m := mermaidNode.FindStringSubmatch(line); m != nil && !nodes[m[1]] {
				nodes[m[1]] = true
			} else if mermaidOpen.MatchString(line) && open == 0 {
				open++
			} else if line == "  end" && open == 1 {
				open--
			} else if m := mermaidEdge.FindStringSubmatch(line); m != nil && nodes[m[1]] && nodes[m[2]] && open == 0 {
				edges++
			} else if m := mermaidDef.FindStringSubmatch(line); m != nil {
				classes[m[1]] = true
			} else if m := mermaidClass.FindStringSubmatch(line); m == nil || !classes[m[2]] || slices.ContainsFunc(strings.Split(m[1], ","), func(n string) bool { return !nodes[n] }) {
				t.Errorf("%s: not of the grammar: %s", name, line)
			}
		}
		if len(nodes) != len(g.Nodes) || edges != len(g.Drawn()) || open != 0 {
			t.Errorf("%s: got %d nodes and %d edges, want %d and %d", name, len(nodes), edges, len(g.Nodes), len(g.Drawn()))
		}
	}
}

// TestJSON: every graph is as the schema says, which knows all fields.
func TestJSON(t *testing.T) {
	schema := viewtest.Schema(t, "graph.json")
	for name, g := range graphs(t) {
		var b bytes.Buffer
		if err := graphview.JSON(&b, g, "lab"); err != nil {
			t.Fatal(err)
		}
		viewtest.CheckSchema(t, schema, b.Bytes())
		var doc any
		if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		if edges := doc.(map[string]any)["edges"].([]any); len(edges) != len(g.Edges) {
			t.Errorf("%s: got %d edges, want %d", name, len(edges), len(g.Edges))
		}
	}
}
