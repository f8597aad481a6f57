package resource

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"
)

func TestConfigIsYAML(t *testing.T) {
	got, err := Config{Path: "/x", Fields: map[string]any{
		"z": 1.0, "f": 0.5, "b": big.NewFloat(8192), "n": json.Number("3"), "s": []string{"x"},
		"m": map[string]bool{"on": true}, "text": "yes", "big": float64(1 << 40),
	}}.file()
	if err != nil {
		t.Fatal(err)
	}
	want := "b: 8192\nbig: 1099511627776\nf: 0.5\nm:\n  \"on\": true\n\"n\": 3\ns:\n- x\ntext: \"yes\"\nz: 1\n"
	if string(got.Content) != want {
		t.Errorf("got %q, want %q", got.Content, want)
	}
	if _, err := (Config{Path: "/x", Fields: map[string]any{"x": struct{}{}}}).file(); err == nil || !strings.HasPrefix(err.Error(), "make /x: ") {
		t.Errorf("got %v for a struct, want an error", err)
	}
}
