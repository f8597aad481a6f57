package main

import (
	"errors"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/view"
)

// show prints the preflight report and the plan, where there is one. What
// stops the run stands last, where it is seen; nobody is to approve the plan
// then, so an apply leaves it out.
func (w *work) show(c *executor.Checked) error {
	w.progress.Hide()
	if w.destroy {
		return w.showDestroy(c)
	}
	showPlan := func() error {
		w.tellPlan(c)
		return errors.Join(view.Plan(w.out, c, w.names(), w.style(w.out)), w.showNotCleaned())
	}
	probes, _ := c.Failed()
	switch {
	case len(w.conn.failed) > 0, len(probes) > 0 && w.applies: // with hosts missing the graph holds probes alone
		return w.showPreflight(c)
	case len(probes) > 0:
		return errors.Join(showPlan(), w.showPreflight(c))
	}
	return errors.Join(w.showPreflight(c), showPlan())
}

// showPreflight prints what the probes of c found.
func (w *work) showPreflight(c *executor.Checked) error {
	var findings change.Diff
	for _, s := range c.Graph.Steps {
		if _, changes := s.Work.(modules.Module); !changes {
			findings = append(findings, c.Diffs[s.Addr]...)
		}
	}
	if err := view.PreflightLevels(w.out, w.cluster.Preflight.Levels, w.style(w.out)); err != nil {
		return err
	}
	return view.Preflight(w.out, findings, w.compiled.Report(), w.probed(), w.style(w.out))
}

// probed counts the hosts that preflight was about: not those that leave.
func (w *work) probed() int {
	n := 0
	for _, h := range w.cluster.Hosts {
		if w.conn.sessions[h.Name] != nil {
			n++
		}
	}
	return n
}
