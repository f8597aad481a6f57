package wording

import (
	"testing"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

func TestReloadHeadline(t *testing.T) {
	const state = "enabled, active"
	c := change.Change{Kind: change.Unit, Action: change.Reload, Item: "x.service", Have: state, Want: state, Why: "its drop-in is new"}
	if got, want := Headline(c).String(), "x.service: systemd is reloaded and the service goes on, because its drop-in is new"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFinding(t *testing.T) {
	f := preflight.Finding{Host: "cp-1", Title: "swap", Found: "is on", Cause: "fstab has it", Do: "Turn it off."}
	if got, want := Finding(f).String(), "cp-1 swap: is on -> (empty) (Fstab has it. Turn it off.)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
