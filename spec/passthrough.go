package spec

import (
	"github.com/zclconf/go-cty/cty"

	"github.com/pmkctl/pmkctl/modules"
)

// passthrough returns the content of a block of settings; empty if n is nil.
func (l *loader) passthrough(n *node) Passthrough {
	if n == nil {
		return Passthrough{}
	}
	p := Passthrough{Range: n.rng}
	p.Config, p.Flags, p.FeatureGates = modules.Fields{}, n.strMap("flags"), n.boolMap("feature_gates")
	if n.ok("config") {
		p.Config, _ = plain(n.attrs["config"].Value).(map[string]any)
	}
	return p
}

func (l *loader) kubeProxy(n *node) KubeProxy {
	if n == nil {
		return KubeProxy{}
	}
	return KubeProxy{Passthrough: l.passthrough(n), Mode: n.str("mode")}
}

func (l *loader) coreDNS(n *node) CoreDNS {
	if n == nil {
		return CoreDNS{}
	}
	return CoreDNS{Config: DNS{Replicas: n.int("replicas"), Corefile: n.str("corefile")}, Range: n.rng}
}

// plain converts a value to the types that encoders take. Whole numbers become
// int64.
func plain(v cty.Value) any {
	switch t := v.Type(); {
	case v.IsNull():
		return nil
	case t == cty.String:
		return v.AsString()
	case t == cty.Bool:
		return v.True()
	case t == cty.Number:
		return plainNumber(v)
	case t.IsMapType() || t.IsObjectType():
		out := map[string]any{}
		for k, e := range v.AsValueMap() {
			out[k] = plain(e)
		}
		return out
	default:
		return plainList(v)
	}
}

func plainNumber(v cty.Value) any {
	f := v.AsBigFloat()
	if i, acc := f.Int64(); acc == 0 && f.IsInt() {
		return i
	}
	x, _ := f.Float64()
	return x
}

func plainList(v cty.Value) any {
	out := []any{}
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		out = append(out, plain(e))
	}
	return out
}
