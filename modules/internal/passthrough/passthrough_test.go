package passthrough

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/modules"
)

func TestMerge(t *testing.T) {
	base := map[string]any{"a": 1, "m": map[string]any{"x": 1, "y": 2}, "l": []any{1}}
	tests := []struct {
		name       string
		over, want map[string]any
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
			if diff := cmp.Diff(tt.want, Merge(base, tt.over)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if base["a"] != 1 || base["m"].(map[string]any)["x"] != 1 {
		t.Error("Merge changed its argument")
	}
}

func TestFlags(t *testing.T) {
	got := Flags(map[string]string{"v": "2", "a-b": "c d"})
	if diff := cmp.Diff([]string{"--a-b=c d", "--v=2"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFlagsOver(t *testing.T) {
	own := map[string]string{"b": "1", "a": "1"}
	tests := []struct {
		name  string
		extra map[string]string
		gates map[string]bool
		want  []string
	}{
		{"own", nil, nil, []string{"--a=1", "--b=1"}},
		{"over ours", map[string]string{"b": "2", "c": "3"}, nil, []string{"--a=1", "--b=2", "--c=3"}},
		{"gates", nil, map[string]bool{"Y": false, "X": true}, []string{"--a=1", "--b=1", "--feature-gates=X=true,Y=false"}},
		{"gates beside a flag", map[string]string{"feature-gates": "W=true"}, map[string]bool{"X": true}, []string{"--a=1", "--b=1", "--feature-gates=W=true,X=true"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Flags(FlagsOver(own, modules.Settings{Flags: tt.extra, FeatureGates: tt.gates}))); diff != "" {
				t.Error(diff)
			}
		})
	}
	if len(own) != 2 || own["b"] != "1" {
		t.Error("FlagsOver changed its argument")
	}
}
