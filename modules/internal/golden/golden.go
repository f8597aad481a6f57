// Package golden compares the files that a module makes with those in a
// test's txtar archive. UPDATE=1 go test rewrites the archives.
package golden

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
)

// Module fails the test if the files that m writes on a bare host differ from the
// archive.
func Module(t *testing.T, archive string, h host.Host, m modules.Module) {
	t.Helper()
	d, err := m.Check(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	var files []host.FileSpec
	for _, c := range d {
		if c.Kind == change.Text {
			files = append(files, host.FileSpec{Path: c.Item, Content: []byte(c.Want)})
		}
	}
	Files(t, archive, files)
}

// Files fails the test if files differ from the archive.
func Files(t *testing.T, archive string, files []host.FileSpec) {
	t.Helper()
	got := &txtar.Archive{}
	for _, f := range files {
		got.Files = append(got.Files, txtar.File{Name: f.Path, Data: f.Content})
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.MkdirAll(filepath.Dir(archive), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(archive, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(txtar.Format(got))); diff != "" {
		t.Errorf("files differ from %s (-want +got), UPDATE=1 rewrites it:\n%s", archive, diff)
	}
}
