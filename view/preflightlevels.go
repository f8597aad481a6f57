package view

import (
	"io"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// PreflightLevels names the checks whose level the spec sets, whether they
// found something or not: nothing is ignored in silence.
func PreflightLevels(w io.Writer, levels preflight.Levels, st Style) error {
	p := &printer{w: w}
	for _, line := range levelLines(levels) {
		p.line(st.yellow(line))
	}
	return p.err
}

// levelLines are "ignored by the spec: PF008 free disk".
func levelLines(levels preflight.Levels) []string {
	var out []string
	for _, l := range []change.Level{change.Ignored, change.Warning, change.Error} {
		var names []string
		for _, id := range levels.IDs() {
			if levels[id] == l {
				names = append(names, id+" "+title(id))
			}
		}
		if len(names) > 0 {
			out = append(out, string(l)+" by the spec: "+strings.Join(names, ", "))
		}
	}
	return out
}
