package run

import (
	"errors"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/view/wording"
)

// showPlan prints a plan, and the hosts that it does not clean.
func (r *Run) showPlan(c *executor.Checked) error {
	r.Console.EmitPlan(c, r.cluster.AllHosts())
	return errors.Join(r.Console.Plan(c, wording.NamesOf(r.cluster)), r.showSpared())
}

func (r *Run) showSpared() error {
	for _, line := range r.goal.spared(r) {
		if err := r.Console.Print("Not cleaned: %s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// showPreflight prints what the probes of c found.
func (r *Run) showPreflight(c *executor.Checked) error {
	var findings []preflight.Finding
	for _, s := range c.Graph.Steps {
		findings = append(findings, c.Findings[s.Addr]...)
	}
	probed := 0 // departing hosts are not probed
	for _, h := range r.cluster.Hosts {
		if r.conn.sessions[h.Name] != nil {
			probed++
		}
	}
	return r.Console.Preflight(r.cluster.Preflight.Levels, findings, r.compiled.Report(), probed)
}
