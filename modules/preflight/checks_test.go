package preflight_test

import (
	"slices"
	"testing"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

// pmkctl explain has something to say about every check.
func TestEveryCheckIsExplained(t *testing.T) {
	var ids []string
	for _, c := range preflight.Catalogue {
		ids = append(ids, c.ID)
		if preflight.Checks(c.ID) == "" {
			t.Errorf("%s (%s): checks.go does not say what it looks at", c.ID, c.Title)
		}
		if c.Title == "" || c.Do == "" || c.Reason == "" {
			t.Errorf("%s lacks words: %+v", c.ID, c)
		}
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("ids are not in order, each once: %v", ids)
	}
}
