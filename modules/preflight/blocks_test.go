package preflight_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

// said returns the statements about n hosts (h0, h1, ...) of which some pairs
// fail.
func said(n int, fails func(from, to int) bool) string {
	var edges []preflight.EdgeResult
	for i := range n {
		for j := range n {
			if i == j {
				continue
			}
			e := preflight.EdgeResult{Edge: preflight.Edge{From: fmt.Sprintf("h%d", i), To: fmt.Sprintf("h%d", j), Proto: "udp", Port: 1}, Verdict: preflight.OK}
			if fails(i, j) {
				e.Verdict = preflight.Filtered
			}
			edges = append(edges, e)
		}
	}
	var b strings.Builder
	for _, s := range preflight.Statements(edges) {
		fmt.Fprintf(&b, "%s (%d)\n", s, s.Edges)
	}
	return b.String()
}

func TestBlocks(t *testing.T) {
	tests := []struct {
		name  string
		hosts int
		fails func(from, to int) bool
		want  string
	}{
		{"nothing", 10, func(int, int) bool { return false }, ""},
		{"one pair", 10, func(i, j int) bool { return i == 2 && j == 1 }, "h2 -> h1 1/udp filtered (1)\n"},
		{"two networks", 100, func(i, j int) bool { return (i < 50) != (j < 50) }, "h[0-49] <-> h[50-99]: 1/udp filtered (5000)\n"},
		{"two small ones", 4, func(i, j int) bool { return (i < 2) != (j < 2) }, "h[0-1] <-> h[2-3]: 1/udp filtered (8)\n"},
		{"one way", 20, func(i, j int) bool { return i < 5 && j >= 15 }, "h[0-4] -> h[15-19]: 1/udp filtered (25)\n"},
		{"two to five", 20, func(i, j int) bool { return i < 2 && j >= 15 }, "h[0-1] -> h[15-19]: 1/udp filtered (10)\n"},
		{"one pair both ways", 10, func(i, j int) bool { return i+j == 3 && i*j == 2 }, "h1 -> h2 1/udp filtered (1)\nh2 -> h1 1/udp filtered (1)\n"},
		{"two pairs both ways", 10, func(i, j int) bool { return i*j == 2 && i+j == 3 || i*j == 30 }, "h1 <-> h2: 1/udp filtered (2)\nh5 <-> h6: 1/udp filtered (2)\n"},
		{"one to three", 10, func(i, j int) bool { return i == 2 && j > 6 }, "h2 -> h[7-9]: 1/udp filtered (3)\n"},
		{"among themselves", 20, func(i, j int) bool { return i < 5 && j < 5 }, "h[0-4] among themselves: 1/udp filtered (20)\n"},
		{"three networks", 30, func(i, j int) bool { return i/10 != j/10 },
			"h[0-9] -> h[10-29]: 1/udp filtered (200)\nh[10-19] -> h[0-9], h[20-29]: 1/udp filtered (200)\nh[20-29] -> h[0-19]: 1/udp filtered (200)\n"},
		{"many names", 40, func(i, j int) bool { return i%4 == 0 && j%4 == 1 }, "h0, h4, h8, h12 and 6 more -> h1, h5, h9, h13 and 6 more: 1/udp filtered (100)\n"},
		{"one host cut off, and two networks", 20, func(i, j int) bool { return i == 0 || j == 0 || i > 0 && i < 4 && j > 15 },
			"h0 <-> everyone: 1/udp filtered (38)\nh[1-3] -> h[16-19]: 1/udp filtered (12)\n"},
		{"no pattern", 100, func(i, j int) bool { return (i*7+j*13)%23 == 0 }, "430 of 9900 pairs: 1/udp filtered, the first h0 -> h23 (430)\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, said(tt.hosts, tt.fails)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}
