package wording

import (
	"strings"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

// Levels names the checks whose level the spec sets: "ignored by the spec:
// PF008 free disk".
func Levels(levels preflight.Levels) []string {
	var out []string
	for _, l := range []preflight.Level{preflight.Ignored, preflight.Warning, preflight.Error} {
		var names []string
		for _, id := range levels.IDs() {
			if levels[id] == l {
				c, _ := preflight.Find(id)
				names = append(names, id+" "+c.Title)
			}
		}
		if len(names) > 0 {
			out = append(out, string(l)+" by the spec: "+strings.Join(names, ", "))
		}
	}
	return out
}
