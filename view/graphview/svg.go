package graphview

import (
	"bufio"
	_ "embed"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/plan/saved"
)

// CSS is the style of the picture, which has it in itself unless it is made
// for a page. It touches nothing but svg.pmkctl-graph. Colours are custom
// properties, light unless the reader's system is dark.
//
//go:embed graph.css
var CSS string

// Options say how a picture is made.
type Options struct {
	Title  string // what the picture is of, in words
	Inline bool   // for a page that has CSS itself: neither style nor legend
	Light  bool   // never dark, whatever the reader's system is
}

// titledNodes is how many boxes have a text to point at. The address can be
// seen from column and lane; for thousands it would make the file a third
// larger.
const titledNodes = 2000

// SVG draws the graph. A lane is <g class="lane" data-host="worker-1">, without
// data-host for what is over all hosts. In it are the boxes: <g id="n7"
// data-addr="kubelet.worker-1" data-module="kubelet" data-action="update">; of
// a collapsed graph, which has one lane, with data-hosts: names with blanks
// between. In a box's group are the lines that come to it: <path
// data-from="n3">, of class "turn" where hosts take turns. data-kind is for
// probes and the gate alone, and data-action for a graph that is planned.
func SVG(w io.Writer, g *Graph, opts Options) error {
	p := &picture{w: bufio.NewWriterSize(w, 1<<16), layout: newLayout(g), opts: opts}
	p.into = make([][]Edge, len(g.Nodes))
	for _, e := range p.edges {
		p.into[e.To] = append(p.into[e.To], e)
	}
	p.draw()
	return p.w.Flush()
}

type picture struct {
	*layout
	w    *bufio.Writer // it keeps the first error
	into [][]Edge      // drawn edges by the node that they go to
	opts Options
	top  int
}

func (p *picture) put(format string, args ...any) { fmt.Fprintf(p.w, format, args...) }

const (
	margin     = 12
	lineHeight = 18
	baseline   = 14 // of the text in a box
)

func (p *picture) draw() {
	width, legend := p.width+2*margin, []legendEntry(nil)
	if !p.opts.Inline {
		legend = p.legend()
		p.top = (2 + len(legend)) * lineHeight
	}
	height := p.height + p.top + 2*margin
	light := ""
	if p.opts.Light {
		light = " light"
	}
	p.put(`<svg xmlns="http://www.w3.org/2000/svg" class="pmkctl-graph%s" width="%d" height="%d" viewBox="0 0 %d %d" font-size="%d">`+"\n",
		light, width, height, width, height, fontSize)
	p.put("<title>%s</title>\n<desc>%s</desc>\n", text(p.opts.Title), "Steps from left to right; each waits for those that a line comes from.")
	if !p.opts.Inline {
		p.put("<style>\n%s</style>\n<rect class=\"paper\" width=\"100%%\" height=\"100%%\"/>\n", CSS)
		p.head(legend)
	}
	p.define()
	p.put(`<g transform="translate(%d %d)">`+"\n", margin, margin+p.top)
	p.drawBands()
	p.drawLanes()
	p.put("</g>\n</svg>\n")
}

// define gives what occurs often once: a box for each column. The origin of
// a box is where its text begins.
func (p *picture) define() {
	p.put(`<defs><marker id="pg-tip" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6z"/></marker>` + "\n")
	for i, c := range p.columns {
		p.put(`<rect id="pg%d" x="%d" y="%d" width="%d" height="%d" rx="4"/>`+"\n", i, -boxPad, -baseline, c.to-c.from, boxHeight)
	}
	p.put("</defs>\n")
}

// drawBands draws what hosts stand on; lines come between it and the boxes.
func (p *picture) drawBands() {
	for i, l := range p.lanes {
		if l.host != "" && i%2 == 1 {
			p.put(`<rect class="band" data-host="%s" y="%d" width="%d" height="%d"/>`+"\n", text(l.host), l.y, p.width, l.height)
		}
	}
}

func (p *picture) drawLanes() {
	in := make([][]int, len(p.lanes)) // nodes
	for i, b := range p.boxes {
		in[b.lane] = append(in[b.lane], i)
	}
	for i, l := range p.lanes {
		p.put(`<g class="lane"%s transform="translate(0 %d)">`, attr("host", l.host), l.y)
		if l.host != "" {
			p.put(`<text class="host" x="%d" y="%d">%s</text>`, laneIndent, l.height/2+4, text(l.host))
		}
		p.put("\n")
		for _, n := range in[i] {
			p.drawNode(n)
		}
		p.put("</g>\n")
	}
}

func (p *picture) drawNode(i int) {
	n := &p.g.Nodes[i]
	title := ""
	if len(p.g.Nodes) <= titledNodes {
		title = "<title>" + text(n.describe()) + "</title>"
	}
	x, y := p.origin(i)
	p.put(`<g id="n%d" data-addr="%s" data-module="%s"%s%s transform="translate(%d %d)">%s`,
		i, text(n.ID), text(n.Module), attr("hosts", p.hosts(n)), attrs(n), x, y-p.lanes[p.boxes[i].lane].y, title)
	for _, e := range p.into[i] {
		turn := ""
		if e.Turn {
			turn = ` class="turn"`
		}
		p.put(`<path%s d="%s" data-from="n%d"/>`, turn, p.path(e, x, y), e.From)
	}
	p.put(`<use href="#pg%d"/><text>%s</text></g>`+"\n", n.Rank, text(label(n)))
}

// origin is where the text of a box begins; what is drawn for it is reckoned
// from there.
func (p *picture) origin(i int) (x, y int) {
	return p.columns[p.g.Nodes[i].Rank].from + boxPad, p.rows[p.boxes[i].row].y + baseline
}

// hosts are those of a collapsed node.
func (p *picture) hosts(n *Node) string {
	if !p.g.Collapsed {
		return ""
	}
	return strings.Join(n.Hosts(), " ")
}

// attrs are what a box is for and does.
func attrs(n *Node) string {
	kind := ""
	if n.Kind != saved.Module {
		kind = string(n.Kind)
	}
	return attr("kind", kind) + attr("action", string(n.Action))
}

func attr(name, value string) string {
	if value == "" {
		return ""
	}
	return ` data-` + name + `="` + text(value) + `"`
}

// text is s in XML, which cannot hold every character.
func text(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes all
	return b.String()
}

// words are what a node does, and the sign that says so without colour.
var words = map[change.Action]struct{ sign, word string }{
	change.Add:    {"+", "to add"},
	change.Update: {"~", "to change"},
	change.Remove: {"−", "to remove"},
	Later:         {"?", "known later"},
	Left:          {"×", "left out"},
	Nothing:       {"", "nothing to change"},
}

// order is that of words.
var order = []change.Action{change.Remove, change.Update, change.Add, Later, Left, Nothing}

// label is what stands in a box: "~ kubelet", "~ kubelet (100 hosts: +3 ~97)".
func label(n *Node) string {
	name := n.Module
	if n.Host == "" {
		name = n.Label()
	}
	var counts string
	for _, a := range order {
		if s := words[a].sign; s != "" && n.Does[a] > 0 && n.Does[a] < len(n.Steps) {
			counts += fmt.Sprintf(" %s%d", s, n.Does[a])
		}
	}
	if inner, ok := strings.CutSuffix(name, ")"); ok && counts != "" {
		name = inner + ":" + counts + ")"
	}
	if s := words[n.Action].sign; s != "" {
		return s + " " + name
	}
	return name
}

// describe is a node in a sentence.
func (n *Node) describe() string {
	s := n.Label()
	if n.Kind == saved.Probe {
		s += ", a check that changes nothing"
	}
	switch does := n.does(); {
	case does == "" || n.Kind != saved.Module:
	case len(n.Steps) == 1:
		s += ": " + words[n.Action].word
	default:
		s += ": " + does
	}
	if n.Source.Filename != "" {
		s += fmt.Sprintf(" (%s:%d)", n.Source.Filename, n.Source.Start.Line)
	}
	return s
}

// does is how many steps of a node do what, in words.
func (n *Node) does() string {
	var does []string
	for _, a := range order {
		if count := n.Does[a]; count > 0 {
			does = append(does, fmt.Sprintf("%d %s", count, words[a].word))
		}
	}
	return strings.Join(does, ", ")
}

type legendEntry struct{ class, text string }

// legend is what the signs of this picture mean, and how often they occur.
func (p *picture) legend() []legendEntry {
	count := map[change.Action]int{}
	turns := false
	for _, n := range p.g.Nodes {
		if n.Kind == saved.Module {
			for a, c := range n.Does {
				count[a] += c
			}
		}
	}
	for _, e := range p.edges {
		turns = turns || e.Turn
	}
	line := "From left to right: a step waits for those that a line comes from. Dashed boxes are checks."
	if turns {
		line += " Dashed lines: hosts take turns."
	}
	entries := []legendEntry{{"faint", line}}
	var parts []string
	for _, a := range order {
		if c := count[a]; c > 0 {
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %d %s", words[a].sign, c, words[a].word)))
		}
	}
	if len(parts) > 0 {
		entries = append(entries, legendEntry{"", strings.Join(parts, "   ")})
	}
	return entries
}

func (p *picture) head(legend []legendEntry) {
	p.put(`<text class="head" x="%d" y="%d">%s</text>`+"\n", margin, margin+fontSize, text(p.opts.Title))
	for i, e := range legend {
		p.put(`<text class="%s" x="%d" y="%d" xml:space="preserve">%s</text>`+"\n", e.class, margin, margin+fontSize+(i+1)*lineHeight, text(e.text))
	}
}
