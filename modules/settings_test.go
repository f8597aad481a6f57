package modules

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFieldsOver(t *testing.T) {
	base := map[string]any{"a": 1, "m": map[string]any{"x": 1, "y": 2}, "l": []any{1}}
	tests := []struct {
		name string
		over Fields
		want map[string]any
	}{
		{"nothing", nil, base},
		{"new field", map[string]any{"b": 2}, map[string]any{"a": 1, "b": 2, "m": map[string]any{"x": 1, "y": 2}, "l": []any{1}}},
		{"inside a map", map[string]any{"m": map[string]any{"y": 3}}, map[string]any{"a": 1, "m": map[string]any{"x": 1, "y": 3}, "l": []any{1}}},
		{"list is replaced", map[string]any{"l": []any{2, 3}}, map[string]any{"a": 1, "m": map[string]any{"x": 1, "y": 2}, "l": []any{2, 3}}},
		{"null takes away", map[string]any{"a": nil, "m": map[string]any{"x": nil}}, map[string]any{"m": map[string]any{"y": 2}, "l": []any{1}}},
		{"map over a value", map[string]any{"a": map[string]any{"b": 1}}, map[string]any{"a": map[string]any{"b": 1}, "m": map[string]any{"x": 1, "y": 2}, "l": []any{1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.over.Over(base)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if base["a"] != 1 || base["m"].(map[string]any)["x"] != 1 {
		t.Error("Over changed its argument")
	}
}

func TestFlagsOver(t *testing.T) {
	own := map[string]string{"b": "1", "a": "1"}
	tests := []struct {
		name  string
		extra map[string]string
		gates map[string]bool
		want  map[string]string
	}{
		{"own", nil, nil, map[string]string{"a": "1", "b": "1"}},
		{"over ours", map[string]string{"b": "2", "c": "3"}, nil, map[string]string{"a": "1", "b": "2", "c": "3"}},
		{"gates", nil, map[string]bool{"Y": false, "X": true}, map[string]string{"a": "1", "b": "1", "feature-gates": "X=true,Y=false"}},
		{"gates beside a flag", map[string]string{"feature-gates": "W=true"}, map[string]bool{"X": true}, map[string]string{"a": "1", "b": "1", "feature-gates": "W=true,X=true"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Settings{Flags: tt.extra, FeatureGates: tt.gates}.FlagsOver(own)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if len(own) != 2 || own["b"] != "1" {
		t.Error("FlagsOver changed its argument")
	}
}
