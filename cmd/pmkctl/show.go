package main

import (
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/view"
)

// show prints the preflight report, and the plan where there is one.
func (w *work) show(c *executor.Checked) error {
	w.progress.Hide()
	if err := w.showPreflight(); err != nil {
		return err
	}
	if len(w.conn.failed) > 0 {
		return nil // the graph holds probes alone
	}
	return view.Plan(w.out, c, w.names(), w.style(w.out))
}
