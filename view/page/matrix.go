package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

// A glyph is how a verdict is drawn: a colour, and a sign for readers who do
// not see colours.
type glyph struct {
	Verdict preflight.Verdict
	Class   string
	Words   string
	Path    string // the sign in a cell of 1 by 1, relative to its upper left corner
}

// glyphs are those of all verdicts. Of several verdicts in a cell the first
// counts.
var glyphs = []glyph{
	{preflight.Filtered, "filtered", "filtered: no answer, nothing arrived", "m.25 .25l.5 .5m0-.5l-.5 .5"},
	{preflight.NoRoute, "noroute", "no route to the host", "m.25 .25v.5h.5v-.5m-.25 0v.25"},
	{preflight.OneWay, "oneway", "one way: requests arrive, replies do not", "m.2 .5h.6l-.22-.22m.22 .22l-.22 .22"},
	{preflight.WrongHost, "wronghost", "answered by the wrong host", "m.22 .38h.56m-.56 .24h.56m-.14-.4l-.28 .56"},
	{preflight.Prohibited, "prohibited", "prohibited by a firewall (ICMP)", "m.5 .2l.3 .3l-.3 .3l-.3-.3z"},
	{preflight.Refused, "refused", "refused (RST, or ICMP port unreachable)", "m.22 .5h.56"},
	{preflight.Mute, "mute", "no answer: a connection is accepted, then nothing comes", "m.24 .34h.52v.3h-.3l-.14 .14v-.14h-.08z"},
	{preflight.TooBig, "toobig", "full-size packets do not fit", "m.25 .25h.5v.5h-.5z"},
	{"failed", "refused", "failed", "m.5 .2v.36m0 .22v0"}, // a verdict newer than this table
	{preflight.Lossy, "lossy", "lossy: resends get through", "m.2 .6l.2-.2l.2 .2l.2-.2"},
	{preflight.NotProbed, "notprobed", "not probed", "m.38 .62l.24-.24"},
	{preflight.OK, "ok", "ok", "m.5 .5h0"},
}

func rank(v preflight.Verdict) int {
	is := func(v preflight.Verdict) func(glyph) bool { return func(l glyph) bool { return l.Verdict == v } }
	if i := slices.IndexFunc(glyphs, is(v)); i >= 0 {
		return i
	}
	return slices.IndexFunc(glyphs, is("failed"))
}

// noEdge is the cell of a pair between which no traffic has to pass.
const noEdge = -1

// A layer is the picture of one port, or of all, where the worst verdict of a
// pair counts.
type layer struct {
	Index  int
	Name   string // "" for all ports
	Why    string
	Legend []legend

	n     int
	cells []int8 // row by row; an index of glyphs, or noEdge
}

// A legend counts the pairs with a verdict.
type legend struct {
	glyph
	Pairs int
}

func newLayer(index int, name, why string, n int) *layer {
	l := &layer{Index: index, Name: name, Why: why, n: n, cells: make([]int8, n*n)}
	for i := range l.cells {
		l.cells[i] = noEdge
	}
	return l
}

// put keeps the worse of two verdicts.
func (l *layer) put(from, to int, v preflight.Verdict) {
	c := &l.cells[from*l.n+to]
	if r := int8(rank(v)); *c == noEdge || r < *c {
		*c = r
	}
}

// Off reports whether the layer is hidden until the reader chooses it.
func (l *layer) Off() bool { return l.Index > 0 }

func (l *layer) count() {
	var pairs [20]int
	for _, c := range l.cells {
		if c != noEdge {
			pairs[c]++
		}
	}
	for i, glyph := range glyphs {
		if pairs[i] > 0 {
			l.Legend = append(l.Legend, legend{glyph, pairs[i]})
		}
	}
}

// A shape is all cells of a verdict: a path of areas and a path of signs.
type shape struct {
	Class        string
	Areas, Signs string
}

// Shapes draw the layer in a few paths, however many hosts there are: cells
// of a verdict that stand side by side are one area.
func (l *layer) Shapes() []shape {
	areas, signs := make([]strings.Builder, len(glyphs)), make([]strings.Builder, len(glyphs))
	for y := range l.n {
		row := l.cells[y*l.n : (y+1)*l.n]
		for x := 0; x < l.n; {
			end := x + 1
			for end < l.n && row[end] == row[x] {
				end++
			}
			if c := row[x]; c != noEdge {
				fmt.Fprintf(&areas[c], "M%d %dh%dv1H%dz", x, y, end-x, x)
				for i := x; i < end && l.signed(c); i++ {
					fmt.Fprintf(&signs[c], "M%d %d%s", i, y, glyphs[c].Path)
				}
			}
			x = end
		}
	}
	var out []shape
	for i, glyph := range glyphs {
		if areas[i].Len() > 0 {
			out = append(out, shape{glyph.Class, areas[i].String(), signs[i].String()})
		}
	}
	return out
}

// manyHosts is how many hosts have signs for what is not wrong; for more
// hosts they would only be noise.
const manyHosts = 64

func (l *layer) signed(c int8) bool {
	v := glyphs[c].Verdict
	return v != preflight.OK && v != preflight.NotProbed || l.n <= manyHosts
}
