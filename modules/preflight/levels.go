package preflight

import (
	"maps"
	"slices"
)

// Level is how bad a finding is, or that a policy does not hold.
type Level string

// The levels. An error stops the run at the gate; Ignored is one that the
// spec says to ignore: it is shown, and stops nothing.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Ignored Level = "ignored"
)

// Ranked are the levels, the worst first.
var Ranked = []Level{Error, Warning, Ignored}

// Levels holds, by id, the levels that a spec sets instead of the
// catalogue's.
type Levels map[string]Level

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
