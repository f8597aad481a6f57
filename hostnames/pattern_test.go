package hostnames_test

import (
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/hostnames"
)

func TestMatch(t *testing.T) {
	tests := []struct{ pattern, names, want string }{
		{"worker-1", "worker-1 worker-10 cp-1", "worker-1"},
		{"worker-*", "worker-1 worker-10 cp-1", "worker-1 worker-10"},
		{"*", "worker-1 cp-1", "worker-1 cp-1"},
		{"worker-[2-10]", "worker-1 worker-2 worker-10 worker-11 worker-02", "worker-2 worker-10"},
		{"worker-[02-10]", "worker-1 worker-2 worker-02 worker-002 worker-10 worker-010", "worker-02 worker-10"},
		{"worker-[01-2]", "worker-1 worker-01", "worker-1"},
		{"r[1-2]-*-[3-3]", "r1-a-3 r2-b-3 r3-a-3 r1-a-4", "r1-a-3 r2-b-3"},
		{"a.b", "a.b axb", "a.b"},
		{"worker-[a-b]", "worker-a worker-[a-b]", "worker-[a-b]"},
		{"", "worker-1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			if got := strings.Join(hostnames.Match(tt.pattern, strings.Fields(tt.names)), " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A pattern reads what Ranges writes.
func TestMatchReadsRanges(t *testing.T) {
	for _, names := range []string{"worker-1 worker-2 worker-3", "worker-09 worker-10 worker-11", "worker-098 worker-099 worker-100", "n-0 n-1", "n-9999999999 n-10000000000"} {
		short := hostnames.Join(strings.Fields(names))
		if got := strings.Join(hostnames.Match(short, strings.Fields(names)), " "); got != names {
			t.Errorf("%s: got %q, want %q", short, got, names)
		}
	}
}
