package spec

import (
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

const unknownCheck = "Unknown check"

var (
	checkIDs    = each(text(unknownCheck, checkID))
	checkLevels = &rule{unknownCheck, func(v cty.Value) error {
		return errors.Join(mapKeys(text(unknownCheck, checkID)).Check(v), each(text(unknownCheck, checkSeverity)).Check(v))
	}}
)

// checkID returns an error unless the id is in the catalogue of preflight and
// its level may change.
func checkID(id string) error {
	c, ok := preflight.Find(id)
	if !ok {
		return fmt.Errorf("There is no check %q.%s `pmkctl explain` lists them all.", id, nearCheck(id))
	}
	if c.Firm() {
		return fmt.Errorf("The check %s (%s) cannot be ignored or made a warning. %s", id, c.Title, c.Do)
	}
	return nil
}

func nearCheck(id string) string {
	if near := preflight.Near(id); near != "" {
		return fmt.Sprintf(" Did you mean %q?", near)
	}
	return ""
}

func checkSeverity(s string) error {
	if s == string(preflight.Error) || s == string(preflight.Warning) {
		return nil
	}
	return fmt.Errorf("There is no severity %q; write \"error\" or \"warning\", or name the check in ignore.", s)
}

// checkLevels finds checks that are both ignored and given a severity.
func (l *loader) checkLevels(d *decoded) {
	severity := d.preflight.strMap("severity")
	for _, id := range d.preflight.strs("ignore") {
		if _, both := severity[id]; both {
			l.add(problem(d.preflight.attrs["severity"].at, "Check set twice", "%s is in ignore (%s) and in severity. Leave it in one of them.", id, place(d.preflight.attrs["ignore"].at)))
		}
	}
}

func decodeLevels(n *node) preflight.Levels {
	levels := preflight.Levels{}
	for id, level := range n.strMap("severity") {
		levels[id] = preflight.Level(level)
	}
	for _, id := range n.strs("ignore") {
		levels[id] = preflight.Ignored
	}
	return levels
}
