package terminal

import (
	"fmt"
	"io"
	"strings"

	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/wording"
)

// Policies shows which policies a plan failed, with what their author says,
// and how many it passed. Without policies it shows nothing.
func Policies(w io.Writer, list []spec.PolicyVerdict, st Style) error {
	if len(list) == 0 {
		return nil
	}
	p := &printer{w: w}
	for _, v := range list {
		sign := st.red("failed: ")
		switch {
		case v.Passed:
			continue
		case !v.Failed():
			sign = st.yellow("warning: ")
		}
		p.line(sign, "policy ", v.Name, ": ", hanging(v.Message), st.faint(fmt.Sprintf(" (%s:%d)", v.File, v.Line)))
	}
	p.line(st.bold("Policies: " + wording.Verdicts(list)))
	return p.err
}

// hanging puts further lines of a text below the first.
func hanging(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}
