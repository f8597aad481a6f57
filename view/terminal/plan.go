package terminal

import (
	"io"

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
