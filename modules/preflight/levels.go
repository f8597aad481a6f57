package preflight

import (
	"maps"
	"slices"

	"github.com/pmkctl/pmkctl/change"
)

// Levels are the levels that a spec gives to checks in the place of the
// catalogue's, by id.
type Levels map[string]change.Level

// Apply gives findings the levels that the spec wants for them.
func (l Levels) Apply(fs []Finding) {
	for i := range fs {
		if level, ok := l[fs[i].ID]; ok {
			fs[i].Level = level
		}
	}
}

// IDs are those that are set, in order.
func (l Levels) IDs() []string { return slices.Sorted(maps.Keys(l)) }

// Firm tells that no spec may change the level: it protects what belongs to
// somebody else.
func (c Check) Firm() bool { return c.ID == OtherCluster }
