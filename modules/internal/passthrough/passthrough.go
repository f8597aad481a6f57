// Package passthrough merges the settings that a spec passes through with pmkctl's
// own, into the configuration and the command line of a service.
package passthrough

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/modules"
)

// Merge returns base with the fields of over. Maps are merged, all other values are
// replaced, and null removes a field, so that the default of the service applies.
// Neither argument is changed.
func Merge(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range over {
		inner, isMap := v.(map[string]any)
		switch {
		case v == nil:
			delete(out, k)
		case isMap:
			under, _ := out[k].(map[string]any)
			out[k] = Merge(under, inner)
		default:
			out[k] = v
		}
	}
	return out
}

// FieldsOver returns the fields of a service's configuration: pmkctl's own,
// overridden by the feature gates and fields that the spec passes through.
func FieldsOver(own map[string]any, s modules.Settings) map[string]any {
	if len(s.FeatureGates) > 0 {
		gates := map[string]any{}
		for k, v := range s.FeatureGates {
			gates[k] = v
		}
		own = Merge(own, map[string]any{"featureGates": gates})
	}
	return Merge(own, s.Config)
}

// Plain converts a value from HCL to nil, bool, int64, float64, string, []any or
// map[string]any. Whole numbers become int64, because some formats distinguish
// integers from floats.
func Plain(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string, int64:
		return v, nil
	case int:
		return int64(v), nil
	case float64:
		return plainFloat(v), nil
	case *big.Float:
		if i, exact := v.Int64(); exact == big.Exact {
			return i, nil
		}
		f, _ := v.Float64()
		return f, nil
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i, nil
		}
		return v.Float64()
	case []string:
		return plainList(v)
	case []any:
		return plainList(v)
	case map[string]string:
		return plainMap(v)
	case map[string]bool:
		return plainMap(v)
	case map[string]any:
		return plainMap(v)
	}
	return nil, fmt.Errorf("write a value of type %T: not supported", v)
}

func plainFloat(f float64) any {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int64(f)
	}
	return f
}

func plainList[T any](list []T) (any, error) {
	out := make([]any, len(list))
	for i, x := range list {
		p, err := Plain(x)
		if err != nil {
			return nil, err
		}
		out[i] = p
	}
	return out, nil
}

func plainMap[T any](m map[string]T) (any, error) {
	out := make(map[string]any, len(m))
	for k, x := range m {
		p, err := Plain(x)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		out[k] = p
	}
	return out, nil
}

// Flags returns flags as arguments, in the order of their names.
func Flags(flags map[string]string) []string {
	var args []string
	for _, k := range slices.Sorted(maps.Keys(flags)) {
		args = append(args, "--"+k+"="+flags[k])
	}
	return args
}

// FlagsOver returns the flags of a service: pmkctl's own, overridden by the flags
// and feature gates that the spec passes through.
func FlagsOver(own map[string]string, s modules.Settings) map[string]string {
	flags := maps.Clone(own)
	maps.Copy(flags, s.Flags)
	if g := GatesFlag(s.FeatureGates); g != "" {
		if f := flags["feature-gates"]; f != "" {
			g = f + "," + g
		}
		flags["feature-gates"] = g
	}
	return flags
}

// GatesFlag returns feature gates as the value of a flag: A=true,B=false.
func GatesFlag(gates map[string]bool) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(gates)) {
		list = append(list, fmt.Sprintf("%s=%t", name, gates[name]))
	}
	return strings.Join(list, ",")
}
