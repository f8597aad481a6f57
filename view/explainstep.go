package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan"
)

// ExplainedStep is a step as `pmkctl explain -json` gives it.
type ExplainedStep struct {
	Step     address.Step    `json:"step"`
	Of       string          `json:"of"` // what has the step, in words
	Purpose  string          `json:"purpose"`
	Source   PlanDocSource   `json:"source"`
	Snippet  string          `json:"snippet,omitempty"` // the line of the source
	Planned  bool            `json:"planned"`           // it is of a plan, which has the changes
	Changes  []change.Change `json:"changes"`
	Owns     []string        `json:"owns"` // all that it may change
	LeftOut  *plan.Left      `json:"left_out,omitempty"`
	Replaced bool            `json:"replaced"`
	RunsOn   string          `json:"runs_on"`

	WaitsFor      []address.Step `json:"waits_for"` // at once
	WaitsForAll   []address.Step `json:"waits_for_all"`
	WaitedForBy   []address.Step `json:"waited_for_by"`
	WaitedForAll  []address.Step `json:"waited_for_by_all"`
	PendingBefore int            `json:"pending_before"` // of those that it waits for, directly or not: how many change something
}

// NewExplainedStep says of a step what the graph and the plan know.
func NewExplainedStep(c *executor.Checked, s *plan.Step, planned bool) *ExplainedStep {
	e := &ExplainedStep{Step: s.Addr, Purpose: plan.Purpose(s.Addr.Module), Source: PlanDocSource{s.Source.Filename, s.Source.Start.Line},
		Planned: planned, Changes: append([]change.Change{}, c.Diffs[s.Addr]...), Owns: []string{}, RunsOn: s.RunsOn()}
	if l, ok := c.Left[s.Addr]; ok {
		e.LeftOut = &l
	}
	e.WaitsFor, e.WaitsForAll = c.Graph.Before(s.Addr)
	e.WaitedForBy, e.WaitedForAll = c.Graph.Behind(s.Addr)
	for _, list := range []*[]address.Step{&e.WaitsFor, &e.WaitsForAll, &e.WaitedForBy, &e.WaitedForAll} {
		*list = append([]address.Step{}, *list...)
	}
	before := map[address.Step]bool{}
	for _, a := range e.WaitsForAll {
		before[a] = true
	}
	for _, p := range c.Pending() {
		if before[p.Addr] {
			e.PendingBefore++
		}
	}
	return e
}

// ExplainStep writes all about one step.
func ExplainStep(w io.Writer, e *ExplainedStep, st Style) error {
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
	e.tellWork(p, row, st)
	row("Waits for", waits(e.WaitsFor, e.WaitsForAll)+unless(fmt.Sprintf(", %d of which change something", e.PendingBefore), !e.Planned || e.PendingBefore == 0))
	row("Awaited by", waits(e.WaitedForBy, e.WaitedForAll))
	return p.err
}

// ownsAtMost is how many items are listed.
const ownsAtMost = 40

func (e *ExplainedStep) tellWork(p *printer, row func(string, ...string), st Style) {
	switch {
	case e.LeftOut != nil && !e.LeftOut.Cause.IsZero():
		row("Does", fmt.Sprintf("nothing: %s leaves out %s, which it waits for", e.LeftOut.Flag, e.LeftOut.Cause))
	case e.LeftOut != nil:
		row("Does", "nothing: "+e.LeftOut.Flag+" leaves it out")
	case len(e.Changes) > 0:
		for i, c := range sorted(e.Changes) {
			name := "Does"
			if i > 0 {
				name = ""
			}
			row(name, sign(c.Action, st)+" "+headline(c, st))
		}
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

// waits are steps in words, those at once first: "containerd.worker-1 and
// images.worker-1; 31 steps in all".
func waits(direct, all []address.Step) string {
	if len(direct) == 0 {
		return "nothing"
	}
	var text string
	if len(direct) <= leftOutAtMost {
		names := make([]string, len(direct))
		for i, a := range direct {
			names[i] = a.String()
		}
		text = strings.Join(names, ", ")
	} else {
		text = strings.Join(stepsInWords(direct), "; ")
	}
	if len(all) == len(direct) {
		return text
	}
	return fmt.Sprintf("%s; %s in all", text, Count(len(all), "step"))
}
