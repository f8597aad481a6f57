package graphview

import (
	"cmp"
	"slices"
	"strconv"
)

// Measures in units of the picture, which are pixels unless it is zoomed.
const (
	charWidth  = 6.7 // of the widest common monospaced fonts at fontSize
	fontSize   = 11
	boxHeight  = 20
	boxPad     = 7  // left and right of a label
	trackStep  = 4  // between two lines side by side
	gapPad     = 10 // between a box and the first line
	rowPad     = 6  // between two rows, where no line is
	lanePad    = 6
	laneIndent = 12 // left and right of a host's name
	stub       = 5  // from a box to where a line goes up to the channel
	portShift  = 3  // lines begin below the middle of a box, and end above it
)

// A layout is where everything stands. Columns are ranks; a lane is a host
// with as many rows as it takes. Lines run where no box is: from a box into
// the channel above its row, along it to the gap before the column of the box
// that waits, there up or down, and in.
type layout struct {
	g     *Graph
	edges []Edge

	boxes []box // by node
	lanes []lane
	rows  []row

	columns []span // of boxes, by rank
	trunks  []trunkSet
	width   int
	height  int
	labels  int // width of the hosts' names
}

type box struct{ lane, row int }

type lane struct {
	host       string
	first, end int // rows
	y, height  int
}

type row struct {
	channel tracks // of lines above it, by node that they come from
	y       int    // of its boxes
}

type span struct{ from, to int }

func newLayout(g *Graph) *layout {
	l := &layout{g: g, edges: g.Drawn(), boxes: make([]box, len(g.Nodes))}
	l.place()
	l.channels()
	l.down()
	l.gaps()
	l.across()
	return l
}

// place gives every node a lane and a row in it.
func (l *layout) place() {
	lanes, ranks := map[string]int{}, 0
	if !l.g.Collapsed && slices.ContainsFunc(l.g.Nodes, func(n Node) bool { return n.Host == "" }) {
		lanes[""], l.lanes = 0, []lane{{}} // what is over all hosts comes first
	}
	for i, n := range l.g.Nodes {
		at, ok := lanes[n.Host]
		if !ok {
			at = len(l.lanes)
			lanes[n.Host] = at
			l.lanes = append(l.lanes, lane{host: n.Host})
		}
		l.boxes[i].lane = at
		ranks = max(ranks, n.Rank+1)
	}
	l.columns = make([]span, ranks)
	cells := make([][][]int, len(l.lanes)) // nodes by lane and rank
	for i := range cells {
		cells[i] = make([][]int, ranks)
	}
	for i, n := range l.g.Nodes {
		c := &cells[l.boxes[i].lane][n.Rank]
		*c = append(*c, i)
	}
	near := l.neighbours()
	for i, ranks := range cells {
		most := 0
		for _, c := range ranks {
			most = max(most, len(c))
		}
		l.lanes[i].first, l.lanes[i].end = len(l.rows), len(l.rows)+most
		l.rows = append(l.rows, make([]row, most)...)
		l.order(ranks, near, most)
	}
}

// neighbours are, for each node, those of its own lane that it is drawn to.
func (l *layout) neighbours() [][]int {
	near := make([][]int, len(l.g.Nodes))
	for _, e := range l.edges {
		if l.boxes[e.From].lane == l.boxes[e.To].lane && !e.Turn {
			near[e.From] = append(near[e.From], e.To)
			near[e.To] = append(near[e.To], e.From)
		}
	}
	return near
}

// sweeps is how often a lane is gone through, back and forth: crossings
// hardly become fewer after that.
const sweeps = 4

// order puts the nodes of a lane into rows, each near the median of its
// neighbours in the columns gone through before.
func (l *layout) order(cells [][]int, near [][]int, rows int) {
	for _, c := range cells {
		for r, n := range c {
			l.boxes[n].row = r
		}
	}
	for sweep := range sweeps {
		forth := sweep%2 == 0
		for i := range cells {
			if !forth {
				i = len(cells) - 1 - i
			}
			l.settle(cells[i], near, forth, rows)
		}
	}
	for _, c := range cells {
		for _, n := range c {
			l.boxes[n].row += l.lanes[l.boxes[n].lane].first
		}
	}
}

func (l *layout) settle(cell []int, near [][]int, forth bool, rows int) {
	wish := map[int]int{}
	for _, n := range cell {
		var at []int
		for _, o := range near[n] {
			if l.g.Nodes[o].Rank < l.g.Nodes[n].Rank == forth {
				at = append(at, l.boxes[o].row)
			}
		}
		slices.Sort(at)
		wish[n] = l.boxes[n].row
		if len(at) > 0 {
			wish[n] = at[(len(at)-1)/2]
		}
	}
	order := slices.Clone(cell)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(wish[a], wish[b]) })
	next := 0
	for i, n := range order {
		left := len(order) - 1 - i
		next = min(max(next, wish[n]), rows-1-left)
		l.boxes[n].row = next
		next++
	}
}

// direct reports whether a line needs no channel: it goes to the next column.
func (l *layout) direct(e Edge) bool { return l.g.Nodes[e.To].Rank == l.g.Nodes[e.From].Rank+1 }

// straight reports whether a line is one stroke.
func (l *layout) straight(e Edge) bool {
	return l.direct(e) && l.boxes[e.From].row == l.boxes[e.To].row
}

// channels finds a track for each node whose lines go further than the next
// column.
func (l *layout) channels() {
	reach := map[int]span{} // of a node's lines, in gaps
	for _, e := range l.edges {
		if l.direct(e) {
			continue
		}
		out, in := l.g.Nodes[e.From].Rank+1, l.g.Nodes[e.To].Rank
		s, ok := reach[e.From]
		if !ok {
			s = span{out, out}
		}
		reach[e.From] = span{min(s.from, in), max(s.to, in)}
	}
	for n := range l.g.Nodes {
		if s, ok := reach[n]; ok {
			l.rows[l.boxes[n].row].channel.want(n, s)
		}
	}
	for i := range l.rows {
		l.rows[i].channel.assign()
	}
}

// down finds where rows and lanes are.
func (l *layout) down() {
	y := 0
	for i := range l.lanes {
		lane := &l.lanes[i]
		lane.y = y
		y += lanePad
		for r := lane.first; r < lane.end; r++ {
			y += max(rowPad, l.rows[r].channel.count*trackStep+trackStep)
			l.rows[r].y = y
			y += boxHeight
		}
		y += lanePad
		lane.height = y - lane.y
	}
	l.height = y
}

// A trunkSet is the lines up and down in the gap before a column. Lines that
// come from one node share a track, or those that go to one; whichever takes
// fewer.
type trunkSet struct {
	tracks tracks
	out    map[int]int // edges through the gap by node that they come from
	in     map[int]int // by node that they go to
}

// key is the track that an edge takes: of a node, or of one that waits.
func (t *trunkSet) key(e Edge) int {
	if t.in[e.To] > t.out[e.From] {
		return -1 - e.To
	}
	return e.From
}

// gaps finds a track for every line up or down.
func (l *layout) gaps() {
	l.trunks = make([]trunkSet, len(l.columns))
	for i := range l.trunks {
		l.trunks[i].out, l.trunks[i].in = map[int]int{}, map[int]int{}
	}
	each := func(do func(t *trunkSet, e Edge)) {
		for _, e := range l.edges {
			if !l.straight(e) {
				do(&l.trunks[l.g.Nodes[e.To].Rank], e)
			}
		}
	}
	each(func(t *trunkSet, e Edge) { t.out[e.From]++; t.in[e.To]++ })
	each(func(t *trunkSet, e Edge) {
		from, to := l.start(e), l.in(e.To)
		t.tracks.want(t.key(e), span{min(from, to), max(from, to)})
	})
	for i := range l.trunks {
		l.trunks[i].tracks.assign()
	}
}

// start is the height at which an edge comes to the gap.
func (l *layout) start(e Edge) int {
	if l.direct(e) {
		return l.out(e.From)
	}
	return l.channel(e.From)
}

func (l *layout) middle(n int) int { return l.rows[l.boxes[n].row].y + boxHeight/2 }
func (l *layout) out(n int) int    { return l.middle(n) + portShift }
func (l *layout) in(n int) int     { return l.middle(n) - portShift }

func (l *layout) channel(n int) int {
	r := &l.rows[l.boxes[n].row]
	return r.y - (r.channel.at[n]+1)*trackStep
}

// across finds where columns are.
func (l *layout) across() {
	x := 0
	for _, lane := range l.lanes {
		if lane.host != "" {
			l.labels = max(l.labels, textWidth(lane.host)+2*laneIndent)
		}
	}
	x += l.labels
	widest := make([]int, len(l.columns))
	for i := range l.g.Nodes {
		n := &l.g.Nodes[i]
		widest[n.Rank] = max(widest[n.Rank], textWidth(label(n)))
	}
	for i := range l.columns {
		x += 2*gapPad + l.trunks[i].tracks.count*trackStep
		l.columns[i].from = x
		x += widest[i] + 2*boxPad
		l.columns[i].to = x
	}
	l.width = x + 2*gapPad
}

// trunk is where an edge goes up or down.
func (l *layout) trunk(e Edge) int {
	rank := l.g.Nodes[e.To].Rank
	t := &l.trunks[rank]
	return l.columns[rank].from - gapPad - (t.tracks.count-1-t.tracks.at[t.key(e)])*trackStep
}

// path is the line of an edge, reckoned from a point.
func (l *layout) path(e Edge, x, y int) string {
	from, to := l.columns[l.g.Nodes[e.From].Rank].to, l.columns[l.g.Nodes[e.To].Rank].from
	if l.straight(e) {
		return newPen(from-x, l.middle(e.From)-y).h(to - x).d
	}
	p := newPen(from-x, l.out(e.From)-y)
	if !l.direct(e) {
		p.h(from + stub - x).v(l.channel(e.From) - y)
	}
	return p.h(l.trunk(e) - x).v(l.in(e.To) - y).h(to - x).d
}

// A pen draws a line in few bytes.
type pen struct {
	x, y int
	d    string
}

func newPen(x, y int) *pen { return &pen{x, y, "M" + strconv.Itoa(x) + " " + strconv.Itoa(y)} }

func (p *pen) h(to int) *pen { p.d += shorter("H", to, "h", to-p.x); p.x = to; return p }
func (p *pen) v(to int) *pen { p.d += shorter("V", to, "v", to-p.y); p.y = to; return p }

func shorter(a string, x int, b string, y int) string {
	if a, b = a+strconv.Itoa(x), b+strconv.Itoa(y); len(a) < len(b) {
		return a
	}
	return b
}

func textWidth(s string) int { return int(float64(len([]rune(s)))*charWidth) + 1 }

// tracks are places side by side for lines that must not lie on each other.
type tracks struct {
	spans map[int]span // what is wanted, by key
	at    map[int]int  // where it is, once assigned
	count int
}

// want asks for a place along a span; of one key all that it asked for.
func (t *tracks) want(key int, s span) {
	if t.spans == nil {
		t.spans = map[int]span{}
	}
	if was, ok := t.spans[key]; ok {
		s = span{min(s.from, was.from), max(s.to, was.to)}
	}
	t.spans[key] = s
}

// assign finds a place for each, from the first on: with the lines in the
// order in which they begin this takes as few tracks as there can be.
func (t *tracks) assign() {
	keys := make([]int, 0, len(t.spans))
	for k := range t.spans {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b int) int {
		return cmp.Or(cmp.Compare(t.spans[a].from, t.spans[b].from), cmp.Compare(t.spans[a].to, t.spans[b].to), cmp.Compare(a, b))
	})
	t.at = map[int]int{}
	var ends []int
	for _, k := range keys {
		i := slices.IndexFunc(ends, func(end int) bool { return end < t.spans[k].from })
		if i < 0 {
			i = len(ends)
			ends = append(ends, 0)
		}
		t.at[k], ends[i] = i, t.spans[k].to
	}
	t.count = len(ends)
}
