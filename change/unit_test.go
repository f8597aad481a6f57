package change

import (
	"testing"

	"github.com/pmkctl/pmkctl/host"
)

func TestUnitState(t *testing.T) {
	tests := []struct {
		name string
		unit host.Unit
		want string
		runs bool
	}{
		{"runs", host.Unit{Load: "loaded", Enabled: "enabled", Active: "active"}, "enabled, active", true},
		{"starts", host.Unit{Load: "loaded", Enabled: "enabled", Active: "activating"}, "enabled, activating", true},
		{"failed", host.Unit{Load: "loaded", Enabled: "disabled", Active: "failed"}, "disabled, failed", false},
		{"is not there", host.Unit{Load: "not-found", Active: "inactive"}, "not installed, inactive", false},
		{"runs, and its file is gone", host.Unit{Load: "not-found", Active: "active"}, "not installed, active", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := StateOf(tt.unit)
			if s.String() != tt.want || s.Runs() != tt.runs {
				t.Errorf("got %q, runs: %v; want %q, %v", s, s.Runs(), tt.want, tt.runs)
			}
			if got := ParseUnitState(s.String()); got != s {
				t.Errorf("%q was read as %+v", s, got)
			}
		})
	}
	slice := UnitState{Active: "active"}
	if s := slice.String(); s != "active" || ParseUnitState(s) != slice {
		t.Errorf("a slice has the state %q, which was read as %+v", s, ParseUnitState(s))
	}
	if got := (UnitState{}).String() + ParseUnitState("").String(); got != "" {
		t.Errorf("a unit that is not there has the state %q", got)
	}
}
