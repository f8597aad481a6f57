package resource

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
)

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
