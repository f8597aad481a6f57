package fielddiff

import "encoding/json"

// MarshalJSON gives the value as JSON has it: numbers, booleans and null
// where they are ones, a command line as a list, and an option without a
// value as true. What only YAML or TOML has, such as a date, is a string.
func (v *Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.plain()) }

func (v *Value) plain() any {
	switch v.kind {
	case mapping:
		m := map[string]any{}
		for k, x := range v.at {
			m[k] = x.plain()
		}
		return m
	case list:
		l := []any{}
		for _, x := range v.items {
			l = append(l, x.plain())
		}
		return l
	}
	switch v.typ {
	case "null":
		return nil
	case "flag":
		return true
	case "str", "arg":
		return v.text
	}
	if json.Valid([]byte(v.text)) { // a number, true or false
		return json.RawMessage(v.text)
	}
	return v.text
}
