package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/sshhost"
	"github.com/pmkctl/pmkctl/view"
)

// preflightFlags are those of preflight alone.
type preflightFlags struct {
	json bool
	html string
}

func (a *app) preflightCommand() *cobra.Command {
	var f preflightFlags
	cmd := &cobra.Command{
		Use:   "preflight [SPEC]",
		Short: "Check hosts, ports and every pair of hosts; changes nothing",
		Long: "Check hosts, ports and every pair of hosts over every port that the spec needs; changes nothing.\n" +
			"pmkctl explain tells about the checks.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.preflight(cmd, args, f) },
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON document instead, with every edge and port (docs/preflight.md)")
	cmd.Flags().StringVar(&f.html, "html", "", "also write a page to `FILE`, with the matrix of all hosts")
	return a.eventFlags(a.hostFlags(cmd), false)
}

func (a *app) preflight(cmd *cobra.Command, args []string, f preflightFlags) error {
	began := now()
	w, err := a.reach(cmd, args, sshhost.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer w.close()
	if err := a.knowsExcluded(w.cluster, w.cluster.Hosts); err != nil {
		return err
	}
	w.probesOnly = true
	if err := w.compile(cmd.Context()); err != nil {
		return err
	}
	checked := w.check(cmd.Context())
	w.progress.Hide()
	verdict := w.judge(checked)
	if err := w.reportPreflight(checked, f, began, a.code(verdict)); err != nil {
		return err
	}
	return verdict
}

// reportPreflight writes the report in the forms that are wanted, all of them
// from the same values.
func (w *work) reportPreflight(c *executor.Checked, f preflightFlags, began time.Time, code int) error {
	doc := view.NewPreflightDoc(view.PreflightRun{Program: version, Cluster: w.cluster, Began: began, Checked: c,
		Report: w.compiled.Report(), Left: w.left(), Failed: w.conn.failed, ExitCode: code})
	if f.html != "" {
		if err := writePage(f.html, doc); err != nil {
			return err
		}
	}
	switch {
	case f.json:
		return view.PreflightJSON(w.out, doc)
	case len(w.conn.sessions) == 0:
		return nil // the error says all
	}
	return w.showPreflight(c)
}

func writePage(path string, doc *view.PreflightDoc) error {
	var page bytes.Buffer
	if err := view.PreflightHTML(&page, doc); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// code is the exit code of err.
func (a *app) code(err error) int {
	var e *exitError
	switch {
	case a.interrupted.Load():
		return exitInterrupted
	case err == nil:
		return exitDone
	case errors.As(err, &e):
		return e.Code
	}
	return exitFailed
}
