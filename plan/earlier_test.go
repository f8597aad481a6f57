package plan_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/plan/plantest"
)

// variableLine is what units of earlier releases do not have.
var variableLine = regexp.MustCompile(`(?m)^Environment=` + host.InputsVar + `=.*\n`)

// earlier makes all units those of a release that gave processes no variable
// and made another hash. It returns their number.
func earlier(t *testing.T, w *plantest.World) int {
	n := 0
	for _, h := range w.Memory {
		for path := range h.Stamps() {
			text := string(h.Peek(path))
			unit, ok := strings.CutPrefix(path, "/etc/systemd/system/")
			if !ok || strings.Contains(unit, "/") || !inputsLine.MatchString(text) {
				continue
			}
			text = inputsLine.ReplaceAllString(variableLine.ReplaceAllString(text, ""), change.InputsKey+"=00")
			n++
			admin := h.Admin()
			for _, err := range []error{
				admin.WriteFile(t.Context(), host.FileSpec{Path: path, Mode: 0o644, Content: []byte(text)}),
				admin.Unit(t.Context(), "", host.Reload),
				admin.Unit(t.Context(), unit, host.Restart),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return n
}

// TestClusterOfAnEarlierRelease: each service is restarted once, because its
// unit file changes, and nothing is left to do.
func TestClusterOfAnEarlierRelease(t *testing.T) {
	w := plantest.Workers(t, 2, "")
	w.Apply(t)
	units := earlier(t, w)
	c, _ := w.Compile(t)
	restarts := 0
	for _, d := range w.Check(t, c.Graph).Diffs {
		for _, each := range d {
			if each.Action == change.Restart {
				restarts++
			}
			if each.Action == change.Restart && each.Cause != change.UnitFile(each.Item) {
				t.Errorf("got %+v, want a restart because the unit file changes", each)
			}
		}
	}
	if units == 0 || restarts != units {
		t.Errorf("got %d restarts of %d services", restarts, units)
	}
	w.Apply(t)
}
