package terminal

import (
	"github.com/pmkctl/pmkctl/change"
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

// foldingOf returns the least folding that makes the plan short enough.
func foldingOf(groups []shownGroup, st Style) folding {
	f := foldNothing
	for !st.full && f < foldAll && len(planLines(groups, f, Style{})) > maxLines {
		f++
	}
	return f
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
