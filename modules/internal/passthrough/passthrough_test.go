package passthrough

import (
	"encoding/json"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
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

func TestYAML(t *testing.T) {
	got, err := YAML(map[string]any{
		"z": 1.0, "f": 0.5, "b": big.NewFloat(8192), "n": json.Number("3"), "s": []string{"x"},
		"m": map[string]bool{"on": true}, "text": "yes", "big": float64(1 << 40),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "b: 8192\nbig: 1099511627776\nf: 0.5\nm:\n  \"on\": true\n\"n\": 3\ns:\n- x\ntext: \"yes\"\nz: 1\n"
	if string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := YAML(map[string]any{"x": struct{}{}}); err == nil {
		t.Error("a struct was written")
	}
}

func TestFlags(t *testing.T) {
	got := Flags(map[string]string{"v": "2", "a-b": "c d"})
	if diff := cmp.Diff([]string{"--a-b=c d", "--v=2"}, got); diff != "" {
		t.Error(diff)
	}
}
