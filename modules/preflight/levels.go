package preflight

import (
	"maps"
	"slices"

	"github.com/pmkctl/pmkctl/change"
)

// Levels holds, by id, the levels that a spec sets instead of the
// catalogue's.
type Levels map[string]change.Level

// Apply sets the levels of findings in place.
func (l Levels) Apply(fs []Finding) {
	for i := range fs {
		if level, ok := l[fs[i].ID]; ok {
			fs[i].Level = level
		}
	}
}

// IDs returns the ids that have a level, in order.
func (l Levels) IDs() []string { return slices.Sorted(maps.Keys(l)) }

// Firm reports whether no spec may change the level, because the check
// protects the hosts of another cluster.
func (c Check) Firm() bool { return c.ID == OtherCluster }
