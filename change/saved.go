package change

import (
	"encoding/json"
	"unicode/utf8"
)

// Saved is a diff as saved plans have it. It encodes content of hosts to the
// byte: a file may have bytes that are no text, and JSON would replace them.
type Saved Diff

// encoded is a change, and its values that no JSON string can hold.
type encoded struct {
	Change
	HaveRaw []byte `json:"have_raw,omitempty"` // in the place of have
	WantRaw []byte `json:"want_raw,omitempty"`
}

// MarshalJSON makes a list of changes.
func (d Saved) MarshalJSON() ([]byte, error) {
	list := make([]encoded, len(d))
	for i, c := range d {
		list[i].Change = c
		list[i].Have, list[i].HaveRaw = TextOrBytes(c.Have)
		list[i].Want, list[i].WantRaw = TextOrBytes(c.Want)
	}
	return json.Marshal(list)
}

// TextOrBytes returns a value as text if a JSON string can hold it.
func TextOrBytes(s string) (text string, raw []byte) {
	if utf8.ValidString(s) {
		return s, nil
	}
	return "", []byte(s)
}

// UnmarshalJSON reads what MarshalJSON made.
func (d *Saved) UnmarshalJSON(b []byte) error {
	var list []encoded
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*d = nil
	for _, c := range list {
		c.Have += string(c.HaveRaw)
		c.Want += string(c.WantRaw)
		if c.Kind == Unit && c.Unit == (Units{}) { // a former pmkctl wrote the plan: it can be shown and not applied
			c.Unit = Units{Have: ParseUnitState(c.Have), Want: ParseUnitState(c.Want)}
		}
		*d = append(*d, c.Change)
	}
	return nil
}
