package change

import (
	"cmp"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

// unitDir is where the units of an administrator are; see systemd.unit(5).
const unitDir = "/etc/systemd/system/"

// UnitFile returns the path of a unit file that pmkctl writes.
func UnitFile(unit string) string { return unitDir + unit }

// IsUnitFile reports whether a path is that of a unit file, or of a file that
// adds to one.
func IsUnitFile(path string) bool { return strings.HasPrefix(path, unitDir) }

// InputsKey is the key, in the section Unit of every unit file of pmkctl, of
// the hash of all that the service depends on.
const InputsKey = "X-Pmkctl-Inputs"

// UnitState is the state of a unit as far as changes are about it.
type UnitState struct {
	Enabled string `json:"enabled"` // as systemctl is-enabled prints it, or "not installed"; "" of a slice
	Active  string `json:"active"`  // as systemctl is-active prints it
}

// Serving is the state in which services are wanted.
var Serving = UnitState{"enabled", "active"}

// StateOf returns the state of a unit. One whose file is gone may still run.
func StateOf(u host.Unit) UnitState {
	return UnitState{cmp.Or(u.Enabled, "not installed"), u.Active}
}

// String is the state as people and records have it: "enabled, active", or
// "active" of a unit that is never enabled. The zero state, of a unit that is
// not there, is "".
func (s UnitState) String() string {
	if s.Enabled == "" {
		return s.Active
	}
	return s.Enabled + ", " + s.Active
}

// ParseUnitState reads what String wrote.
func ParseUnitState(text string) UnitState {
	enabled, active, both := strings.Cut(text, ", ")
	if !both {
		return UnitState{Active: text}
	}
	return UnitState{enabled, active}
}

// Runs reports whether the unit has processes, or is about to.
func (s UnitState) Runs() bool {
	return s.Active != "" && s.Active != "inactive" && s.Active != "failed"
}

// Units are the states that a change of kind Unit is about.
type Units struct {
	Have UnitState `json:"have,omitzero"`
	Want UnitState `json:"want,omitzero"`
}

// OfUnit returns a change of a unit's state.
func OfUnit(action Action, name string, have, want UnitState) Change {
	return Change{Kind: Unit, Action: action, Item: name, Have: have.String(), Want: want.String(), Unit: Units{have, want}}
}

// Interrupts reports whether the change interrupts a service that runs. One
// that is down or new is only started; one that runs without being enabled
// is stopped for its change like any other.
func (c Change) Interrupts() bool {
	return c.Action == Restart || c.Action == Update && c.Unit.Have.Active == Serving.Active && c.Unit.Want.Active == Serving.Active
}
