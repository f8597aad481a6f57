package run

import (
	"context"

	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/page"
)

// PreflightOptions are the options of Preflight.
type PreflightOptions struct {
	Options
	JSON     bool            // print one document instead of text
	Page     string          // file that a page is written to; "" for none
	ExitCode func(error) int // exit code for the run's error, for the document
}

// Preflight checks hosts, ports and every pair of hosts.
func Preflight(ctx context.Context, o PreflightOptions) error {
	began := o.Now()
	r, err := reach(ctx, o.Options, converge{}, true)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.checkExclude(r.cluster, r.cluster.Hosts); err != nil {
		return err
	}
	r.world.ProbesOnly = true
	if err := r.compile(ctx); err != nil {
		return err
	}
	checked := r.check(ctx)
	verdict := r.judge(checked)
	// All forms of the report are made from the same values.
	doc := document.NewPreflight(document.PreflightRun{Program: r.Version, Cluster: r.cluster, Began: began, Graph: checked.Graph, Findings: checked.Findings, Errs: checked.Errs,
		Report: r.compiled.Report(), Absent: r.absent(), Failed: r.conn.failed, ExitCode: o.ExitCode(verdict)})
	if o.Page != "" {
		if err := page.WritePreflight(o.Page, doc); err != nil {
			return err
		}
	}
	switch {
	case o.JSON:
		err = r.Console.PreflightDoc(doc)
	case len(r.conn.sessions) > 0: // without any host there is only the error
		err = r.showPreflight(checked)
	}
	if err != nil {
		return err
	}
	return verdict
}
