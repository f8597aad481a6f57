package hostnames_test

import (
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/hostnames"
)

func TestRanges(t *testing.T) {
	tests := []struct{ names, want string }{
		{"cp-1", "cp-1"},
		{"cp-1 worker-1 worker-2 worker-3", "cp-1 worker-[1-3]"},
		{"worker-1 worker-3 worker-4", "worker-1 worker-[3-4]"},
		{"worker-9 worker-10 worker-11", "worker-[9-11]"},
		{"worker-01 worker-02", "worker-[01-02]"},
		{"worker-098 worker-099 worker-100", "worker-[098-100]"},
		{"worker-09 worker-10 worker-010 worker-11", "worker-[09-10] worker-010 worker-11"},
		{"worker-9 worker-10 worker-0 worker-1", "worker-[9-10] worker-[0-1]"},
		{"worker-099 worker-0100", "worker-099 worker-0100"},
		{"a b c", "a b c"},
		{"a1 b2", "a1 b2"},
		{"1 2 3", "[1-3]"},
		{"n-99999999999999999999 n-1", "n-99999999999999999999 n-1"},
	}
	for _, tt := range tests {
		if got := strings.Join(hostnames.Ranges(strings.Fields(tt.names)), " "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.names, got, tt.want)
		}
	}
}
