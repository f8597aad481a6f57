package spec

import (
	"reflect"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

// TestSettingsAreRead: each field of Settings is one that a block sets.
func TestSettingsAreRead(t *testing.T) {
	c := mustLoad(t, "../examples/minimal", Options{})
	v := reflect.ValueOf(c.Settings)
	for i := range v.NumField() {
		if v.Field(i).FieldByName("Range").Interface() == (hcl.Range{}) {
			t.Errorf("no row of settings reads %s", v.Type().Field(i).Name)
		}
	}
}
