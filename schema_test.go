package pmkctl_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"
)

// schemas of the golden JSON in this repository: files, and of scripts what
// they compare output with.
var schemas = map[string]string{
	"view/document/testdata/saved.json":        "plan.json",
	"testdata/script/explain.txtar: want-json": "explain.json",
}

// TestGoldenJSON: what tests compare with is as docs/schema says.
func TestGoldenJSON(t *testing.T) {
	found := goldenJSON(t)
	for name, text := range found {
		t.Run(name, func(t *testing.T) {
			if schemas[name] == "" {
				t.Fatalf("it has no schema: add it to schemas above, with a file of docs/schema")
			}
			schema, err := jsonschema.NewCompiler().Compile("docs/schema/" + schemas[name])
			if err != nil {
				t.Fatal(err)
			}
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Error(err)
			}
		})
	}
	for name := range schemas {
		if found[name] == nil {
			t.Errorf("%s is in schemas and not there any more", name)
		}
	}
}

// compared is a line of a script that compares output with a file of it.
var compared = regexp.MustCompile(`(?m)^cmp (?:stdout|stderr) (\S+)`)

// goldenJSON are the documents by name.
func goldenJSON(t *testing.T) map[string][]byte {
	found := map[string][]byte{}
	err := filepath.WalkDir(".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.Contains(filepath.ToSlash(p), "testdata/") {
			return err
		}
		text, err := os.ReadFile(p)
		switch filepath.Ext(p) {
		case ".json":
			found[filepath.ToSlash(p)] = text
		case ".txtar":
			a := txtar.Parse(text)
			for _, m := range compared.FindAllSubmatch(a.Comment, -1) {
				for _, f := range a.Files {
					if f.Name == string(m[1]) && bytes.ContainsAny(f.Data[:min(1, len(f.Data))], "{[") {
						found[filepath.ToSlash(p)+": "+f.Name] = f.Data
					}
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
