package viewtest

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func init() {
	if flag.Lookup("update") == nil { // the package's other tests may have it
		flag.Bool("update", false, "rewrite the goldens")
	}
}

// updating reports whether the goldens are to be rewritten.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

// Golden compares with a file; -update writes it.
func Golden(t *testing.T, path, got string) {
	t.Helper()
	if updating() {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
