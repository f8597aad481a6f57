package spec

import (
	"bytes"
	"encoding/json"
)

// A cluster encodes as JSON and decodes from it to the same, less two
// things: secrets, which are never written, and the places of single fields,
// which only a spec that is there can show.

// UnmarshalText reads an empty secret: whoever encoded it kept its value to
// himself.
func (s *Secret) UnmarshalText([]byte) error {
	*s = Secret{}
	return nil
}

// UnmarshalJSON keeps whole numbers whole, as plain made them.
func (p *Passthrough) UnmarshalJSON(b []byte) error {
	type fields Passthrough
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode((*fields)(p)); err != nil {
		return err
	}
	for k, v := range p.Config {
		p.Config[k] = numbers(v)
	}
	return nil
}

// numbers turns the numbers of a decoded value into int64 and float64.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, _ := v.Float64() // what an encoder wrote can be read
		return f
	case map[string]any:
		for k, e := range v {
			v[k] = numbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = numbers(e)
		}
	}
	return v
}
