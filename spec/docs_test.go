package spec

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/pmkctl/pmkctl/internal/golden"
)

// TestDocs compares docs/spec.md with the tables of the decoder; `go test
// ./spec -update` rewrites it.
func TestDocs(t *testing.T) {
	golden.Text(t, "../docs/spec.md", reference(t))
}

func reference(t *testing.T) string {
	t.Helper()
	intro, err := os.ReadFile("testdata/docs-intro.md")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.Write(intro)
	for _, bl := range append([]*block{variableBlock}, blocks...) {
		writeBlock(&b, bl, bl.Name)
	}
	writePolicies(t, &b)
	fmt.Fprintf(&b, "\n## Functions\n\n`%s`\n\n", strings.Join(keys(functions(".", func(cty.Value) {})), "` `"))
	b.WriteString("## Components and images\n\n")
	for _, p := range parts {
		fmt.Fprintf(&b, "%s: %s. ", p.where, strings.Join(sorted(p.names), ", "))
	}
	fmt.Fprintf(&b, "Images: %s, and any others to import.\n", strings.Join(imageKeys, ", "))
	return b.String()
}

func writeBlock(b *strings.Builder, bl *block, path string) {
	label := ""
	if bl.Label != "" {
		label = " \"...\""
	}
	fmt.Fprintf(b, "\n## %s%s { }\n\n%s", path, label, bl.Doc)
	if bl.Label != "" {
		fmt.Fprintf(b, " Its label is the %s.", bl.Label)
	}
	b.WriteString("\n\n")
	if len(bl.Attrs) > 0 {
		b.WriteString("| attribute | type | default | |\n| --- | --- | --- | --- |\n")
	}
	for _, a := range bl.Attrs {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", a.Name, docType(a), docDefault(a), a.Doc)
	}
	for _, c := range bl.Blocks {
		writeBlock(b, c, path+" "+c.Name)
	}
}

func writePolicies(t *testing.T, b *strings.Builder) {
	text, err := os.ReadFile("testdata/docs-policies.md")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(b, "\n## Policies\n\n%s\n| value | type | |\n| --- | --- | --- |\n", text)
	for _, root := range []struct {
		name  string
		attrs []attr
	}{{"plan", planAttrs}, {"time", timeAttrs}} {
		for _, a := range root.attrs {
			fmt.Fprintf(b, "| `%s.%s` | %s | %s |\n", root.name, a.Name, docShape(a.Type), a.Doc)
		}
	}
}

// docShape also names the attributes of objects.
func docShape(t cty.Type) string {
	if t.IsListType() && t.ElementType().IsObjectType() {
		return "list of { " + strings.Join(keys(t.ElementType().AttributeTypes()), ", ") + " }"
	}
	return t.FriendlyName()
}

func docType(a attr) string {
	if a.Name == "type" {
		return "type"
	}
	if a.Rule == object {
		return "object"
	}
	return strings.ReplaceAll(a.Type.FriendlyName(), "dynamic", "any")
}

func docDefault(a attr) string {
	switch {
	case a.Required:
		return "required"
	case a.InWords != "":
		return a.InWords
	case a.Default == cty.NilVal:
		return "none"
	case a.Type == cty.String:
		return fmt.Sprintf("`%q`", a.Default.AsString())
	case a.Type == cty.Number:
		return a.Default.AsBigFloat().Text('f', 0)
	case a.Type == cty.Bool:
		return fmt.Sprint(a.Default.True())
	}
	var out []string
	for it := a.Default.ElementIterator(); it.Next(); {
		_, e := it.Element()
		out = append(out, fmt.Sprintf("%q", e.AsString()))
	}
	return "`[" + strings.Join(out, ", ") + "]`"
}
