package modules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
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

// Over returns own with the fields of f. Maps are merged, all other values are
// replaced, and null removes a field, so that the default of the service applies.
// Neither own nor f is changed.
func (f Fields) Over(own map[string]any) map[string]any {
	out := maps.Clone(own)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range f {
		inner, isMap := v.(map[string]any)
		switch {
		case v == nil:
			delete(out, k)
		case isMap:
			under, _ := out[k].(map[string]any)
			out[k] = Fields(inner).Over(under)
		default:
			out[k] = v
		}
	}
	return out
}

// FieldsOver returns the fields of a service's configuration: pmkctl's own,
// overridden by the feature gates and fields of the spec.
func (s Settings) FieldsOver(own map[string]any) map[string]any {
	if len(s.FeatureGates) > 0 {
		gates := map[string]any{}
		for k, v := range s.FeatureGates {
			gates[k] = v
		}
		own = Fields{"featureGates": gates}.Over(own)
	}
	return s.Config.Over(own)
}

// FlagsOver returns the flags of a service: pmkctl's own, overridden by the flags
// and feature gates of the spec.
func (s Settings) FlagsOver(own map[string]string) map[string]string {
	flags := maps.Clone(own)
	maps.Copy(flags, s.Flags)
	if g := s.Gates(); g != "" {
		if f := flags["feature-gates"]; f != "" {
			g = f + "," + g
		}
		flags["feature-gates"] = g
	}
	return flags
}

// Gates returns the feature gates as the value of a flag: A=true,B=false.
func (s Settings) Gates() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s.FeatureGates)) {
		list = append(list, fmt.Sprintf("%s=%t", name, s.FeatureGates[name]))
	}
	return strings.Join(list, ",")
}

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
