package moduletest

import (
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/internal/golden"
	"github.com/pmkctl/pmkctl/modules"
)

// Files fails the test if the files that m writes on a bare host differ from the
// txtar archive at path.
func Files(t *testing.T, path string, h host.Host, m modules.Module) {
	t.Helper()
	d, err := m.Check(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	a := &txtar.Archive{}
	for _, c := range d {
		if c.Kind == change.Text {
			a.Files = append(a.Files, txtar.File{Name: c.Item, Data: []byte(c.Want)})
		}
	}
	golden.Text(t, path, string(txtar.Format(a)))
}
