package spec

import (
	"github.com/zclconf/go-cty/cty"
)

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
