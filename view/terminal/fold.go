package terminal

import (
	"fmt"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/view/wording"
)

// A plan of up to maxLines lines is shown in full. A longer one is folded,
// step by step, until it is as short: what is new and what is removed as a
// whole is shown in fewer words, what changes never is.
const maxLines = 100

// folding is how much of a plan is folded.
type folding int

const (
	foldNothing  folding = iota
	foldContents         // of files that are new or removed
	foldNew              // all that is new in a step, to one line
	foldAll              // and all that is removed
)

// fewLines is how many lines are never folded.
const fewLines = 3

// A shownGroup is a group with all that is shown of it.
type shownGroup struct {
	*wording.Group
	changes []shownChange
}

type shownChange struct {
	change.Change               // without what the notes say
	whole         change.Change // with it
	lines         []wording.Line
}

func shownGroups(c *executor.Checked, names wording.Names) []shownGroup {
	var list []shownGroup
	for _, g := range wording.Groups(c.Pending(), c.Diffs, names) {
		s := shownGroup{Group: g}
		for i, ch := range g.Changes {
			s.changes = append(s.changes, shownChange{ch, g.Whole[i], wording.Lines(ch)})
		}
		list = append(list, s)
	}
	return list
}

// foldingOf returns the least folding that makes the plan short enough.
func foldingOf(groups []shownGroup, st Style) folding {
	f := foldNothing
	for !st.full && f < foldAll && len(planLines(groups, f, Style{})) > maxLines {
		f++
	}
	return f
}

// planLines returns all groups. Those of one line stand together, the others
// have a blank line between them.
func planLines(groups []shownGroup, f folding, st Style) []string {
	var out []string
	for i, g := range groups {
		lines := g.lines(f, st)
		if len(lines) > 1 && i > 0 && out[len(out)-1] != "" {
			out = append(out, "")
		}
		out = append(out, lines...)
		if len(lines) > 1 || i == len(groups)-1 {
			out = append(out, "")
		}
	}
	return out
}

// folded says how much is not shown: "" if everything is.
func folded(groups []shownGroup, f folding) string {
	hidden := len(planLines(groups, foldNothing, Style{})) - len(planLines(groups, f, Style{}))
	if hidden == 0 {
		return ""
	}
	files := 0
	for _, g := range groups {
		for _, c := range g.changes {
			if c.folds(f) {
				files++
			}
		}
	}
	what := wording.Count(hidden, "line")
	if files > 0 {
		what += ", with the contents of " + wording.Count(files, "file")
	}
	return "Folded: " + what + "; -full shows them"
}

// folds reports whether the lines of a file are not shown.
func (c shownChange) folds(f folding) bool {
	whole := c.Have == "" || c.Want == ""
	return f >= foldContents && whole && len(c.lines) > 0 && (len(c.lines) > fewLines || c.joins(f))
}

// joins reports whether a change is shown in one line with others.
func (c shownChange) joins(f folding) bool {
	return f >= foldNew && c.Action == change.Add || f >= foldAll && c.Action == change.Remove
}

// lines returns the group as it is shown.
func (g shownGroup) lines(f folding, st Style) []string {
	title := st.sign(g.Action) + " " + st.bold(g.Title())
	if g.Action == change.Remove {
		title = st.red("- ") + st.bold(st.red(g.Title()))
	}
	joined, rest := g.split(f)
	if len(ofAction(joined, g.Action)) == len(g.changes) {
		return []string{title + ": " + g.inventory(joined, st)}
	}
	out := []string{title + st.faint(unless(" ("+g.Sent+")", g.Sent == ""))}
	for _, n := range g.Notes {
		out = append(out, st.faint("    "+n))
	}
	for _, c := range rest {
		out = append(out, c.show(f, st)...)
	}
	for _, a := range []change.Action{change.Remove, change.Add} {
		if some := ofAction(joined, a); len(some) > 0 {
			out = append(out, "    "+st.sign(a)+" "+g.inventory(some, st))
		}
	}
	return out
}

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

func (c shownChange) show(f folding, st Style) []string {
	out := []string{"    " + st.sign(c.Action) + " " + c.head(c.folds(f), st)}
	if c.Action == change.Remove {
		out[0] = "    " + st.red("- "+c.head(c.folds(f), Style{}))
	}
	if c.folds(f) {
		return out
	}
	for _, l := range c.lines {
		out = append(out, "        "+st.line(l))
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
