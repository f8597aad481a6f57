package spec

import (
	"fmt"
	"maps"
)

// Overlay merges a host's own settings over those for all hosts: fields of the
// configuration one by one, flags and gates by name.
func Overlay(all, own Passthrough) Passthrough {
	out := all
	out.Config = overlay(all.Config, own.Config)
	out.Flags = merge(all.Flags, own.Flags)
	out.FeatureGates = merge(all.FeatureGates, own.FeatureGates)
	return out
}

func overlay(base, over map[string]any) map[string]any {
	out := merge(base, nil)
	for k, v := range over {
		inner, isMap := v.(map[string]any)
		under, wasMap := out[k].(map[string]any)
		if isMap && wasMap {
			v = overlay(under, inner)
		}
		out[k] = v
	}
	return out
}

func merge[V any](base, over map[string]V) map[string]V {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]V{}
	}
	maps.Copy(out, over)
	return out
}

// String returns the usual notation: "ops@192.0.2.11:22".
func (s SSH) String() string { return fmt.Sprintf("%s@%s:%d", s.User, s.Address, s.Port) }
