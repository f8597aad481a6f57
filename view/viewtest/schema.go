package viewtest

import (
	"bytes"
	"maps"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema returns a schema of docs/schema that forbids all that it does not
// name.
func Schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open("../../docs/schema/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	forbid(doc)
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func forbid(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, object := v["properties"].(map[string]any); object {
			v["additionalProperties"] = false
		}
		for value := range maps.Values(v) {
			forbid(value)
		}
	case []any:
		for _, value := range v {
			forbid(value)
		}
	}
}

// CheckSchema fails the test if a document does not match a schema.
func CheckSchema(t *testing.T, s *jsonschema.Schema, text []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
}
