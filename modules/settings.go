package modules

import (
	"bytes"
	"encoding/json"
)

// Settings are the settings that a spec passes through to a service. They override
// pmkctl's own.
type Settings struct {
	Config       Fields            // merged into its configuration file, field by field
	Flags        map[string]string // extra flags without the dashes
	FeatureGates map[string]bool
}

// Fields are the fields of a configuration file. Values are nil, bool, int64,
// float64, string, []any and map[string]any.
type Fields map[string]any

// UnmarshalJSON reads whole numbers as int64.
func (f *Fields) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode((*map[string]any)(f)); err != nil {
		return err
	}
	for k, v := range *f {
		(*f)[k] = numbers(v)
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
		f, _ := v.Float64() // no error: an encoder wrote it
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
