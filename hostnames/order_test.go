package hostnames_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/hostnames"
)

func TestCompare(t *testing.T) {
	const want = "a cp-1 worker worker-1 worker-02 worker-2 worker-10 worker-x"
	names := strings.Fields("worker-x worker-10 worker-2 worker cp-1 worker-02 a worker-1")
	slices.SortFunc(names, hostnames.Compare)
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
