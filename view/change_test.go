package view

import (
	"testing"

	"github.com/pmkctl/pmkctl/modules"
)

func TestReloadHeadline(t *testing.T) {
	const state = "enabled, active"
	c := modules.Change{Kind: modules.Unit, Action: modules.Reload, Item: "x.service", Have: state, Want: state, Why: "its drop-in is new"}
	if got, want := Headline(c), "x.service: systemd is reloaded and the service goes on, because its drop-in is new"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
