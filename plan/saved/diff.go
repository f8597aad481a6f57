package saved

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/pmkctl/pmkctl/change"
)

// A Diff encodes content of hosts to the byte: a file may have bytes that are no
// text, and JSON would replace them.
type Diff change.Diff

// encoded is a change, and its values that no JSON string can hold.
type encoded struct {
	change.Change
	HaveRaw []byte `json:"have_raw,omitempty"` // in the place of have
	WantRaw []byte `json:"want_raw,omitempty"`
}

// MarshalJSON makes a list of changes.
func (d Diff) MarshalJSON() ([]byte, error) {
	list := make([]encoded, len(d))
	for i, c := range d {
		list[i].Change = c
		list[i].Have, list[i].HaveRaw = split(c.Have)
		list[i].Want, list[i].WantRaw = split(c.Want)
	}
	return json.Marshal(list)
}

func split(s string) (text string, raw []byte) {
	if utf8.ValidString(s) {
		return s, nil
	}
	return "", []byte(s)
}

// UnmarshalJSON reads what MarshalJSON made.
func (d *Diff) UnmarshalJSON(b []byte) error {
	var list []encoded
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*d = nil
	for _, c := range list {
		c.Have += string(c.HaveRaw)
		c.Want += string(c.WantRaw)
		if c.Kind == change.Unit && c.Unit == (change.Units{}) { // a former pmkctl wrote the plan: it can be shown and not applied
			c.Unit = change.Units{Have: change.ParseUnitState(c.Have), Want: change.ParseUnitState(c.Want)}
		}
		*d = append(*d, c.Change)
	}
	return nil
}
