package spec

import (
	"path/filepath"
	"testing"
)

func TestInit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster.hcl")
	write(t, path, string(Init()))
	c, files, diags := Load(path, Options{})
	if c == nil || len(diags) == 0 {
		t.Fatalf("got cluster %v and %d diagnostics, want a warning of digests\n%s", c, len(diags), render(t, files, diags))
	}
	for _, d := range diags {
		if d.Summary != "Digest not filled in" {
			t.Error(render(t, files, diags))
		}
	}
	formatted, diags := Format(path, Init())
	if diags.HasErrors() || string(formatted) != string(Init()) {
		t.Errorf("init is not as fmt would write it: %v\n%s", diags, formatted)
	}
}
