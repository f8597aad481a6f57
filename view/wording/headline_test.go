package wording

import (
	"testing"

	"github.com/pmkctl/pmkctl/change"
)

func TestReloadHeadline(t *testing.T) {
	const state = "enabled, active"
	c := change.Change{Kind: change.Unit, Action: change.Reload, Item: "x.service", Have: state, Want: state, Why: "its drop-in is new"}
	if got, want := Headline(c).String(), "x.service: systemd is reloaded and the service goes on, because its drop-in is new"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
