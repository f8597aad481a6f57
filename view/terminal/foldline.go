package terminal

import (
	"fmt"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/view/wording"
)

func (g shownGroup) split(f folding) (joined, rest []shownChange) {
	for _, c := range g.changes {
		if c.joins(f) {
			joined = append(joined, c)
		} else {
			rest = append(rest, c)
		}
	}
	return joined, rest
}

func ofAction(changes []shownChange, a change.Action) (out []shownChange) {
	for _, c := range changes {
		if c.Action == a {
			out = append(out, c)
		}
	}
	return out
}

// head returns the headline, with the number of lines where they are not shown.
func (c shownChange) head(folded bool, st Style) string {
	if folded && len(c.lines) > 0 {
		return st.text(wording.Headline(c.Change)) + st.faint(" ("+wording.Count(len(c.lines), "line")+")")
	}
	return st.text(wording.Headline(c.Change))
}

// inventory shows changes in one line: "2 directories, 2 files (53 lines),
// kubelet.service", or the headline if there is only one.
func (g shownGroup) inventory(changes []shownChange, st Style) string {
	if len(changes) == 1 && (len(g.Steps) == 1 || !g.Named(changes[0].head(true, Style{}))) {
		return changes[0].head(true, st)
	}
	var parts []string
	for _, n := range change.Nouns() {
		if some := called(changes, n); len(some) > 0 {
			parts = append(parts, g.counted(some, n))
		}
	}
	for _, c := range called(changes, change.Noun{}) {
		parts = append(parts, c.Item)
	}
	return strings.Join(parts, ", ") + st.faint(g.unknown(changes))
}

// unknown says after which steps all of the changes are known.
func (g shownGroup) unknown(changes []shownChange) string {
	d := change.Diff{}
	for _, c := range changes {
		d = append(d, c.whole)
	}
	return unless(" ("+wording.Known(d)+")", len(d.Until()) == 0)
}

func called(changes []shownChange, n change.Noun) (out []shownChange) {
	for _, c := range changes {
		if c.Noun() == n {
			out = append(out, c)
		}
	}
	return out
}

// counted returns a number of things of one noun, and their size.
func (g shownGroup) counted(changes []shownChange, n change.Noun) string {
	lines, bytes := 0, int64(0)
	for _, c := range changes {
		lines, bytes = lines+len(c.lines), bytes+c.Bytes
	}
	text := fmt.Sprintf("%d %s", len(changes), n.Many)
	if len(changes) == 1 {
		text = "1 " + n.One
	}
	switch {
	case lines > 0:
		return text + " (" + wording.Count(lines, "line") + ")"
	case bytes > 0:
		return text + " (" + wording.Bytes(bytes) + unless(" to each", len(g.Steps) == 1) + ")"
	}
	return text
}

// unless returns text, or "" if empty.
func unless(text string, empty bool) string {
	if empty {
		return ""
	}
	return text
}
