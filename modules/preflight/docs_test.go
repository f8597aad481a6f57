package preflight_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/internal/golden"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// TestDocs keeps docs/checks.md in step with the catalogue;
// `go test ./modules/preflight -update` writes it.
func TestDocs(t *testing.T) {
	golden.Text(t, "../../docs/checks.md", checksPage())
}

const checksIntro = `# Checks

What ` + "`pmkctl preflight`, `plan` and `apply`" + ` look at before anything is changed. An error stops the run, a warning does not.
A finding names its check: ` + "`pmkctl explain PF012`" + ` says what stands here. Ids never change their meaning.

The spec can change the severity of a check, or have it stop nothing; the report names the finding all the same:

` + "```hcl" + `
preflight {
  severity = { PF041 = "error" }
  ignore   = ["PF018"]
}
` + "```" + `

This file is written from the catalogue: ` + "`go test ./modules/preflight -run Docs -update`" + `.

| id | severity | |
| --- | --- | --- |
`

func checksPage() string {
	var b strings.Builder
	b.WriteString(checksIntro)
	for _, c := range preflight.Catalogue {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", c.ID, anchor(c), c.Level, c.Title)
	}
	for _, c := range preflight.Catalogue {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n%s\n\n**What to do.** %s\n", heading(c), preflight.Checks(c.ID), c.Reason, c.Do)
		if c.Firm() {
			b.WriteString("\nNo spec can change its severity.\n")
		}
	}
	return b.String()
}

func heading(c preflight.Check) string { return c.ID + " " + c.Title }

// anchor returns the anchor that Markdown gives to a heading.
func anchor(c preflight.Check) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, strings.ToLower(heading(c)))
}
