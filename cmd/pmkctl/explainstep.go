package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/run"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/terminal"
	"github.com/pmkctl/pmkctl/view/wording"
)

// explainStep explains a step of a spec or of a saved plan. args are the step,
// and the spec or plan.
func (a *app) explainStep(ctx context.Context, args []string, asJSON bool) error {
	s, err := a.stepsOf(ctx, args[1:])
	if err != nil {
		return err
	}
	c := s.checked()
	found, err := c.Graph.Find(args[0])
	switch {
	case err != nil && s.saved == nil && s.ofDeparting(args[0]):
		return fmt.Errorf("%s is of hosts that leave the cluster, which only a plan knows: pmkctl plan -out=FILE, then pmkctl explain %[1]s FILE", args[0])
	case err != nil:
		return err
	case len(found) > 1:
		return fmt.Errorf("%s names %s: write the address of one, such as %s", args[0], wording.Count(len(found), "step"), found[0].Addr)
	}
	e := document.NewExplainedStep(c.Graph, found[0], c.Diffs[found[0].Addr], c.Findings[found[0].Addr], c.Pending())
	e.Of = s.title()
	e.Planned = s.saved != nil
	if l, ok := c.Excluded[e.Step]; ok {
		e.Excluded = &l
	}
	e.Replaced = slices.ContainsFunc(s.steps, func(other saved.Step) bool { return other.Addr == e.Step && other.Replaced })
	e.Owns = append(e.Owns, s.owned(ctx, found[0].Addr)...)
	e.Snippet = a.snippet(s, found[0].Source)
	if asJSON {
		return document.Write(a.console.Out, e)
	}
	return terminal.ExplainStep(a.console.Out, e, a.console.Style())
}

// ofDeparting reports whether text names a step that is only in plans with
// departing hosts.
func (s *source) ofDeparting(text string) bool {
	a, err := address.Parse(text)
	return err == nil && plan.Purpose(a.Module) != "" &&
		!slices.ContainsFunc(s.steps, func(step saved.Step) bool { return step.Addr.Module == a.Module })
}

// checked returns the graph with all that is known without asking a host.
func (s *source) checked() *executor.Checked {
	if s.saved != nil {
		return executor.Saved(s.saved)
	}
	return s.bare
}

// owned returns the items that a step may change; nil for steps that only a
// plan has.
func (s *source) owned(ctx context.Context, a address.Addr) []string {
	g, err := plan.CompileBare(ctx, s.cluster)
	if err != nil {
		return nil // a spec has compiled before; for a plan they are omitted
	}
	for _, step := range g.Steps {
		if o, ok := step.Work.(modules.Owner); ok && step.Addr == a {
			return o.Owns()
		}
	}
	return nil
}

// snippet returns the line of the spec that asked for a step, with asterisks in
// place of sensitive values. It is "" if the file is not there any more.
func (a *app) snippet(s *source, at hcl.Range) string {
	files := s.files
	if s.saved != nil {
		_, files, _ = spec.Load(run.SpecOf(s.saved), a.inputs())
	}
	f := files[at.Filename]
	for name, other := range files {
		if s.saved != nil && filepath.Base(name) == filepath.Base(at.Filename) { // the folder of the spec may have moved
			f = other
		}
	}
	if f == nil {
		return ""
	}
	lines := strings.Split(string(f.Bytes), "\n")
	if at.Start.Line < 1 || at.Start.Line > len(lines) {
		return ""
	}
	return lines[at.Start.Line-1]
}
