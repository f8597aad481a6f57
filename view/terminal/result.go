package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/executor"
)

// Result shows how an apply ended: what was done, failed and skipped, each
// failure with its cause.
func Result(w io.Writer, r *executor.Result, st Style) error {
	p := &printer{w: w}
	for _, e := range r.Failed {
		p.line(st.red("failed: "), e.Error())
	}
	for _, cause := range causes(r) {
		p.line(st.yellow("skipped: "), skippedLine(r, cause))
	}
	p.line(st.bold(fmt.Sprintf("Apply: %d done, %d failed, %d skipped", len(r.Done), len(r.Failed), len(r.Skipped))))
	return p.err
}

// causes returns the steps because of which others were skipped, in order,
// each once.
func causes(r *executor.Result) []address.Addr {
	var list []address.Addr
	seen := map[address.Addr]bool{}
	for _, s := range r.Skipped {
		if !seen[s.Cause] {
			seen[s.Cause] = true
			list = append(list, s.Cause)
		}
	}
	return list
}

func skippedLine(r *executor.Result, cause address.Addr) string {
	var steps []string
	for _, s := range r.Skipped {
		if s.Cause == cause {
			steps = append(steps, s.Addr.String())
		}
	}
	if cause.IsZero() {
		return strings.Join(steps, ", ") + " (interrupted)"
	}
	unconfirmed := func(e *executor.Error) bool { return e.Step == cause && e.Op == executor.OpConfirm }
	if slices.ContainsFunc(r.Failed, unconfirmed) {
		return strings.Join(steps, ", ") + " (not begun because " + cause.String() + " is not Ready)"
	}
	return strings.Join(steps, ", ") + " (because " + cause.String() + " failed)"
}
