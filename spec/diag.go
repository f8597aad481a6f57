package spec

import (
	"fmt"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

func problem(at hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: at.Ptr()}
}

func warning(at hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	d := problem(at, summary, format, args...)
	d.Severity = hcl.DiagWarning
	return d
}

// an returns a word with its article.
func an(word string) string {
	if strings.ContainsAny(word[:1], "aeiou") {
		return "an " + word
	}
	return "a " + word
}

// place returns the file and line of a range, for a sentence.
func place(r hcl.Range) string { return fmt.Sprintf("%s:%d", filepath.Base(r.Filename), r.Start.Line) }

// maxDiags is how many diagnostics are shown.
const maxDiags = 100

// tidy sorts diagnostics by file and line, and removes repeated ones. It also
// removes the values that hcl keeps in them for its writer, because they may be
// sensitive.
func tidy(in hcl.Diagnostics) hcl.Diagnostics {
	var out hcl.Diagnostics
	seen := counter{}
	for _, d := range in {
		c := *d
		c.Expression, c.EvalContext, c.Extra = nil, nil, nil
		if seen.worth(&c) {
			out = append(out, &c)
		}
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if before(a.Subject, b.Subject) || before(b.Subject, a.Subject) {
			return before(a.Subject, b.Subject)
		}
		return a.Summary+a.Detail < b.Summary+b.Detail
	})
	return capped(out)
}

// maxAlike is how many similar diagnostics one place gets, because for_each
// repeats them for each key.
const maxAlike = 3

// A counter counts the diagnostics that are shown.
type counter map[string]int

func (n counter) worth(d *hcl.Diagnostic) bool {
	same, alike := fmt.Sprint(d.Severity, d.Summary, d.Detail, d.Subject), fmt.Sprint(d.Severity, d.Summary, d.Subject)
	if d.Summary == summaryTooLarge {
		same, alike = d.Summary, d.Summary // all later ones have the same cause
	}
	if n[same] > 0 || n[alike] >= maxAlike {
		return false
	}
	n[same]++
	n[alike]++
	return true
}

func before(a, b *hcl.Range) bool {
	switch {
	case a == nil || b == nil:
		return a == nil && b != nil
	case a.Filename != b.Filename:
		return strings.Compare(a.Filename, b.Filename) < 0
	}
	return a.Start.Byte < b.Start.Byte
}

func capped(in hcl.Diagnostics) hcl.Diagnostics {
	if len(in) <= maxDiags {
		return in
	}
	more := &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Too many errors",
		Detail: fmt.Sprintf("%d more are not shown; put these right first.", len(in)-maxDiags),
	}
	return append(in[:maxDiags:maxDiags], more)
}
