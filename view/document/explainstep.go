package document

import (
	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
)

// ExplainedStep is a step as `pmkctl explain -json` gives it.
type ExplainedStep struct {
	Step     address.Addr      `json:"step"`
	Of       string            `json:"of"` // the spec or the plan that has the step, in words
	Purpose  string            `json:"purpose"`
	Source   source            `json:"source"`
	Snippet  string            `json:"snippet,omitempty"` // the line of the source
	Planned  bool              `json:"planned"`           // it is part of a plan, which has the changes
	Changes  []any             `json:"changes"`           // a change.Change each, or the preflight.Entry of a finding
	Owns     []string          `json:"owns"`              // all that it may change
	Excluded *change.Exclusion `json:"left_out,omitempty"`
	Replaced bool              `json:"replaced"`
	RunsOn   string            `json:"runs_on"`

	WaitsFor      []address.Addr `json:"waits_for"` // directly
	WaitsForAll   []address.Addr `json:"waits_for_all"`
	WaitedForBy   []address.Addr `json:"waited_for_by"`
	WaitedForAll  []address.Addr `json:"waited_for_by_all"`
	PendingBefore int            `json:"pending_before"` // how many of waits_for_all change something

	Diff     change.Diff         `json:"-"` // what Changes has, for people
	Findings []preflight.Finding `json:"-"`
}

// NewExplainedStep returns what the graph knows of a step, whose difference
// is d, or whose findings are fs, and of the pending steps that it waits for.
// The caller adds the rest.
func NewExplainedStep(g *plan.Graph, s *plan.Step, d change.Diff, fs []preflight.Finding, pending []*plan.Step) *ExplainedStep {
	e := &ExplainedStep{Step: s.Addr, Purpose: plan.Purpose(s.Addr.Module), Source: source{s.Source.Filename, s.Source.Start.Line},
		Changes: []any{}, Diff: d, Findings: fs, Owns: []string{}, RunsOn: s.RunsOn()}
	for _, c := range d {
		e.Changes = append(e.Changes, c)
	}
	for _, f := range fs {
		e.Changes = append(e.Changes, f.Entry())
	}
	e.WaitsFor, e.WaitsForAll = g.Before(s.Addr)
	e.WaitedForBy, e.WaitedForAll = g.Behind(s.Addr)
	for _, list := range []*[]address.Addr{&e.WaitsFor, &e.WaitsForAll, &e.WaitedForBy, &e.WaitedForAll} {
		*list = append([]address.Addr{}, *list...)
	}
	before := map[address.Addr]bool{}
	for _, a := range e.WaitsForAll {
		before[a] = true
	}
	for _, p := range pending {
		if before[p.Addr] {
			e.PendingBefore++
		}
	}
	return e
}
