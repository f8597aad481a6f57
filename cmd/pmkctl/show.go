package main

import (
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/view"
)

// show prints the preflight report, and the plan where there is one.
func (w *work) show(c *executor.Checked) error {
	w.progress.Hide()
	if err := w.showPreflight(c); err != nil {
		return err
	}
	if len(w.conn.failed) > 0 {
		return nil // the graph holds probes alone
	}
	return view.Plan(w.out, c, w.names(), w.style(w.out))
}

// showPreflight prints what the probes of c found.
func (w *work) showPreflight(c *executor.Checked) error {
	var findings modules.Diff
	for _, s := range c.Graph.Steps {
		if _, changes := s.Work.(modules.Module); !changes {
			findings = append(findings, c.Diffs[s.Addr]...)
		}
	}
	return view.Preflight(w.out, findings, w.compiled.Report(), len(w.conn.sessions), w.style(w.out))
}
