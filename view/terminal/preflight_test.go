package terminal_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/internal/golden"
	"github.com/pmkctl/pmkctl/view/terminal"
	"github.com/pmkctl/pmkctl/view/viewtest"
)

// preflightText is the report on a terminal.
func preflightText(t *testing.T, w *viewtest.Network) string {
	t.Helper()
	r, findings := w.Run(t)
	var b bytes.Buffer
	if err := terminal.PreflightLevels(&b, w.Cluster.Preflight.Levels, terminal.NewStyle(false)); err != nil {
		t.Fatal(err)
	}
	if err := terminal.Preflight(&b, findings, r.Report, len(w.Cluster.Hosts)-len(w.Absent), terminal.NewStyle(false)); err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`\d+\.\d s\)`).ReplaceAllString(b.String(), "TIME)")
}

// screen is what people see without scrolling.
const screen = 40

func TestPreflightFitsAScreen(t *testing.T) {
	for _, n := range []int{3, 100} {
		for name, fault := range viewtest.Faults {
			t.Run(fmt.Sprintf("%s-%d", name, n), func(t *testing.T) {
				w := viewtest.NewNetwork(n)
				fault(w)
				got := preflightText(t, w)
				if lines := strings.Count(got, "\n"); lines > screen {
					t.Errorf("%d lines for %d hosts, more than the %d of a screen", lines, n, screen)
				}
				golden.Text(t, filepath.Join("testdata", fmt.Sprintf("preflight-%s-%d.txt", name, n)), got)
			})
		}
	}
}
