package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view"
)

// judgePolicies asks the spec's policies about a plan, and shows what came of
// that unless it was shown before. Of a saved plan they judge all of it,
// however much was done already, at the time that it is now.
func (w *work) judgePolicies(c *executor.Checked) error {
	if w.probesOnly || len(w.conn.failed) > 0 {
		return nil // there is no plan
	}
	if w.saved != nil {
		c = executor.Saved(w.saved)
	}
	verdicts := c.Policies(w.cluster, w.live(), now())
	if !slices.Equal(verdicts, w.verdicts) {
		w.verdicts = verdicts
		if err := w.showPolicies(); err != nil {
			return err
		}
	}
	return failedPolicies(verdicts)
}

// live tells if some host was a member of the cluster when the plan was made.
func (w *work) live() bool {
	if w.saved != nil {
		return slices.ContainsFunc(w.saved.Hosts, func(h saved.Host) bool { return h.Record.ID != "" })
	}
	for _, r := range w.records {
		if r.Cluster.ID != "" {
			return true
		}
	}
	return false
}

func (w *work) showPolicies() error {
	for _, v := range w.verdicts {
		w.emit(event.PolicyJudged{Verdict: v})
	}
	w.progress.Hide()
	return view.Policies(w.out, w.verdicts, w.style(w.out))
}

func failedPolicies(verdicts []spec.Verdict) error {
	var names []string
	for _, v := range verdicts {
		if v.Failed() {
			names = append(names, v.Name)
		}
	}
	switch len(names) {
	case 0:
		return nil
	case 1:
		return &exitError{exitPreflight, fmt.Errorf("the policy %s failed; nothing was changed", names[0])}
	}
	return &exitError{exitPreflight, fmt.Errorf("the policies %s failed; nothing was changed", strings.Join(names, ", "))}
}
