package terminal

import (
	"fmt"
	"io"

	"github.com/mitchellh/go-wordwrap"

	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/view/document"
)

const (
	explainIndent = "             "
	explainWidth  = 88
)

// Explain writes all about one check.
func Explain(w io.Writer, c preflight.Check, st Style) error {
	p, e := &printer{w: w}, document.NewExplained(c)
	p.line(st.bold(e.ID), "  ", st.bold(e.Title))
	p.line()
	for _, row := range [][2]string{{"Checks", e.Checks}, {"Why", e.Why}, {"What to do", e.Do}, {"Severity", severityText(c)}} {
		p.line(row[0], explainIndent[len(row[0]):], indented(row[1]))
	}
	if !c.Firm() {
		p.line()
		for _, row := range levelSettings(c) {
			p.line(explainIndent, fmt.Sprintf("%-48s", "preflight { "+row[0]+" }"), st.faint("# "+row[1]))
		}
	}
	return p.err
}

func severityText(c preflight.Check) string {
	text := "A finding is a warning: it is shown and stops nothing. "
	if c.Level == preflight.Error {
		text = "A finding is an error: nothing is changed on any host. "
	}
	if c.Firm() {
		return text + "No spec can change that: the check protects another cluster."
	}
	return text + "The spec can change that:"
}

// levelSettings returns what a spec can write about a check, and the effect.
func levelSettings(c preflight.Check) [][2]string {
	other, effect := "warning", "tell me, and go on"
	if c.Level == preflight.Warning {
		other, effect = "error", "stop"
	}
	return [][2]string{
		{fmt.Sprintf("severity = { %s = %q }", c.ID, other), effect},
		{fmt.Sprintf("ignore = [%q]", c.ID), "stop nothing; the report still names it"},
	}
}

func indented(text string) string {
	var out []byte
	for _, r := range []byte(wordwrap.WrapString(text, uint(explainWidth-len(explainIndent)))) {
		out = append(out, r)
		if r == '\n' {
			out = append(out, explainIndent...)
		}
	}
	return string(out)
}

// ExplainAll lists the checks.
func ExplainAll(w io.Writer, checks []preflight.Check, st Style) error {
	p := &printer{w: w}
	for _, c := range checks {
		p.line(c.ID, "  ", paintLevel(c.Level, st), "  ", c.Title)
	}
	p.line()
	p.line("pmkctl explain ", checks[0].ID, " tells more of one.")
	return p.err
}
