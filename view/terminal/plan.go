package terminal

import (
	"io"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/view/wording"
)

// Plan shows what would change on which host, removals first, and the
// summary. A long plan is folded, unless the style says otherwise.
func Plan(w io.Writer, c *executor.Checked, names wording.Names, st Style) error {
	p := &printer{w: w}
	shown := shownGroups(c, names)
	f := foldingOf(shown, st)
	for _, line := range planLines(shown, f, st) {
		p.line(line)
	}
	if note := folded(shown, f); note != "" {
		p.line(st.faint(note))
	}
	for _, line := range wording.Excluded(c.ExcludedPending(), c.Excluded) {
		p.line(st.text(line))
	}
	p.line(st.bold(wording.Summary(c.Summary()).String()))
	return p.err
}

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
	for _, g := range wording.Groups(c.PendingAddrs(), c.Diffs, names) {
		s := shownGroup{Group: g}
		for i, ch := range g.Changes {
			s.changes = append(s.changes, shownChange{ch, g.Whole[i], wording.Lines(ch)})
		}
		list = append(list, s)
	}
	return list
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
