package spec

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pmkctl/pmkctl/internal/golden"
)

// good returns the files of a valid spec. A test replaces some of them, or adds
// others.
func good() map[string]string {
	var parts strings.Builder
	for _, name := range AllComponents() {
		parts.WriteString("component \"" + name + "\" {\n  source = \"" + name + "\"\n  sha256 = \"" + strings.Repeat("a1", 32) + "\"\n}\n")
	}
	for _, key := range imageKeys {
		parts.WriteString("image \"" + key + "\" {\n  name = \"registry.k8s.io/" + key + ":1\"\n  source = \"" + key + "\"\n  sha256 = \"" + strings.Repeat("b2", 32) + "\"\n}\n")
	}
	return map[string]string{
		"cluster.hcl": "cluster \"c\" {\n  kubernetes_version = \"1.36.3\"\n}\n",
		"hosts.hcl":   "host \"cp-1\" {\n  address = \"192.0.2.11\"\n  roles = [\"control-plane\", \"etcd\", \"worker\"]\n}\n",
		"parts.hcl":   parts.String(),
	}
}

// lay writes files into a new folder.
func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	return dir
}

func TestGood(t *testing.T) { mustLoad(t, lay(t, good()), Options{}) }

// TestWrong compares what users see of each mistake. A file "vars" has lines
// for -var; "want" is the expected output.
func TestWrong(t *testing.T) {
	cases, err := filepath.Glob("testdata/wrong/*.txtar")
	if err != nil || len(cases) < 20 {
		t.Fatalf("found %d cases, %v", len(cases), err)
	}
	for _, path := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { wrong(t, path) })
	}
}

func wrong(t *testing.T, path string) {
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files, opts := good(), Options{}
	for _, f := range a.Files {
		switch f.Name {
		case "want":
		case "vars":
			opts.Vars = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		default:
			files[f.Name] = string(f.Data)
		}
	}
	path, err = filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(lay(t, files)) // long messages are cut, so the paths in them must be short
	_, sources, diags := Load(".", opts)
	got := render(t, sources, diags)
	if strings.Contains(got, "hunter22") {
		t.Errorf("the secret shows:\n%s", got)
	}
	if n := len(a.Files) - 1; n >= 0 && a.Files[n].Name == "want" {
		a.Files = a.Files[:n]
	}
	a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got)})
	golden.Text(t, path, string(txtar.Format(a)))
}
