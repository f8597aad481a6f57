package terminal

import (
	"fmt"
	"io"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/wording"
)

// ExplainStep writes all about one step.
func ExplainStep(w io.Writer, e *document.ExplainedStep, st Style) error {
	p := &printer{w: w}
	p.line(st.bold(e.Step.String()), "  ", e.Of)
	p.line()
	row := func(name string, text ...string) {
		for i, line := range text {
			if i > 0 {
				name = ""
			}
			p.line(name, explainIndent[len(name):], line)
		}
	}
	if e.Purpose != "" {
		row("Why", indented(e.Purpose))
	}
	if e.Source.File != "" {
		row("Asked for", fmt.Sprintf("by %s:%d%s", e.Source.File, e.Source.Line, unless("  "+st.faint(strings.TrimSpace(e.Snippet)), e.Snippet == "")))
	}
	if e.RunsOn != e.Step.Host {
		row("Runs on", e.RunsOn)
	}
	showWork(e, row, st)
	row("Waits for", waits(e.WaitsFor, e.WaitsForAll)+unless(fmt.Sprintf(", %d of which change something", e.PendingBefore), !e.Planned || e.PendingBefore == 0))
	row("Awaited by", waits(e.WaitedForBy, e.WaitedForAll))
	return p.err
}

// ownsAtMost is how many items are listed.
const ownsAtMost = 40

func showWork(e *document.ExplainedStep, row func(string, ...string), st Style) {
	switch {
	case e.Excluded != nil && !e.Excluded.Cause.IsZero():
		row("Does", fmt.Sprintf("nothing: %s leaves out %s, which it waits for", e.Excluded.Flag, e.Excluded.Cause))
	case e.Excluded != nil:
		row("Does", "nothing: "+e.Excluded.Flag+" leaves it out")
	case len(e.Changes) > 0:
		var does []string
		for _, c := range wording.Sorted(e.Diff) {
			does = append(does, st.sign(c.Action)+" "+st.text(wording.Headline(c)))
		}
		for _, f := range e.Findings {
			does = append(does, st.sign("")+" "+st.text(wording.Finding(f)))
		}
		row("Does", does...)
	case e.Planned:
		row("Does", "nothing: all is as it should be")
	}
	if len(e.Owns) > 0 && len(e.Changes) == 0 {
		items := e.Owns
		if len(items) > ownsAtMost {
			items = append(items[:ownsAtMost:ownsAtMost], fmt.Sprintf("and %d more", len(e.Owns)-ownsAtMost))
		}
		row("Owns", items...)
	}
}

// waitsAtMost is how many steps are named one by one.
const waitsAtMost = 5

// waits names the steps that come directly before or after, and counts all: "containerd.worker-1 and
// images.worker-1; 31 steps in all".
func waits(direct, all []address.Addr) string {
	if len(direct) == 0 {
		return "nothing"
	}
	var text string
	if len(direct) <= waitsAtMost {
		names := make([]string, len(direct))
		for i, a := range direct {
			names[i] = a.String()
		}
		text = strings.Join(names, ", ")
	} else {
		text = strings.Join(wording.Steps(direct), "; ")
	}
	if len(all) == len(direct) {
		return text
	}
	return fmt.Sprintf("%s; %s in all", text, wording.Count(len(all), "step"))
}
