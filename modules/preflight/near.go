package preflight

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
)

// Near returns the id that a mistyped id or a title probably means: PF012 for
// "pf12", PF005 for "swap". It returns "" if none is near.
func Near(given string) string {
	word := strings.ToUpper(given)
	if n, err := strconv.Atoi(strings.TrimLeft(word, "PF")); err == nil {
		if id := fmt.Sprintf("PF%03d", n); known(id) {
			return id
		}
	}
	best, least := "", 3
	for _, c := range Catalogue {
		if len(given) > 2 && strings.EqualFold(c.Title, given) {
			return c.ID
		}
		if d := levenshtein.Distance(word, c.ID, nil); d < least {
			best, least = c.ID, d
		}
	}
	return best
}

func known(id string) bool { _, ok := Find(id); return ok }
