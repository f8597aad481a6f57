package preflight_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

// Every check has the texts that pmkctl explain prints.
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

func TestCatalogue(t *testing.T) {
	last := ""
	for _, c := range preflight.Catalogue {
		if c.ID <= last {
			t.Errorf("%s comes after %s", c.ID, last)
		}
		last = c.ID
		if c.Title == "" || !strings.HasSuffix(c.Do, ".") || !strings.HasSuffix(c.Reason, ".") || c.Level == "" {
			t.Errorf("%s is not complete", c.ID)
		}
	}
}
