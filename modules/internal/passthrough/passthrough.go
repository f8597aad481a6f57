// Package passthrough lays what a spec passes through over what pmkctl
// itself writes into a component's configuration and command line.
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

// Merge lays over on base, field by field: maps are merged, everything else
// is replaced, and null takes a field away, so that the component's own
// default holds. Neither argument is changed.
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

// FieldsOver are the fields of a component's configuration: own ones, over
// them the feature gates and the fields that the spec passes through.
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

// Plain turns a value that came through HCL into one of nil, bool, int64,
// float64, string, []any and map[string]any. Whole numbers become int64:
// formats that tell integers from floats want them so.
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

// Flags are flags as arguments, in the order of their names.
func Flags(flags map[string]string) []string {
	var args []string
	for _, k := range slices.Sorted(maps.Keys(flags)) {
		args = append(args, "--"+k+"="+flags[k])
	}
	return args
}

// FlagsOver are a component's flags: own ones, over them those that the spec
// passes through, and its feature gates.
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

// GatesFlag is feature gates as a flag has them: A=true,B=false.
func GatesFlag(gates map[string]bool) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(gates)) {
		list = append(list, fmt.Sprintf("%s=%t", name, gates[name]))
	}
	return strings.Join(list, ",")
}
