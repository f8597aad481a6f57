package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/pmkctl/pmkctl/spec"
)

// Policies shows which policies a plan failed, with what their author says,
// and how many it passed. Without policies it shows nothing.
func Policies(w io.Writer, list []spec.Verdict, st Style) error {
	if len(list) == 0 {
		return nil
	}
	p := &printer{w: w}
	passed, failed, warned := 0, 0, 0
	for _, v := range list {
		sign := st.red("failed: ")
		switch {
		case v.Passed:
			passed++
			continue
		case v.Failed():
			failed++
		default:
			sign = st.yellow("warning: ")
			warned++
		}
		p.line(sign, "policy ", v.Name, ": ", hanging(v.Message), st.faint(fmt.Sprintf(" (%s:%d)", v.File, v.Line)))
	}
	p.line(st.bold(fmt.Sprintf("Policies: %d passed, %d failed, %s", passed, failed, Count(warned, "warning"))))
	return p.err
}

// hanging puts further lines of a text below the first.
func hanging(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}
