package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/view"
)

// checkPage refuses, before any host is asked, a name for a page that would
// destroy a spec, a plan, the one that is saved to out too, or what is no
// file.
func checkPage(name, out string) error {
	info, err := os.Stat(name)
	switch {
	case name == "":
		return nil
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("-html=%s: it is no file; give the page another name, such as plan.html", name)
	case out != "" && filepath.Clean(name) == filepath.Clean(out):
		return fmt.Errorf("-html=%s: the plan is saved there; give the page another name, such as plan.html", name)
	case strings.HasSuffix(name, ".hcl"):
		return fmt.Errorf("-html=%s: a file *.hcl is read as part of a spec; give the page another name, such as plan.html", name)
	case beginsAsPlan(name):
		return fmt.Errorf("-html=%s: it is a saved plan; give the page another name, such as plan.html", name)
	}
	if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return fmt.Errorf("-html=%s: there is no folder %s", name, filepath.Dir(name))
	}
	return nil
}

// writePlanPage writes the page of a plan. It shows what stands in files of
// the hosts, so it is for its owner to pass on.
func writePlanPage(name string, p *saved.Plan, id string) error {
	var page bytes.Buffer
	if err := view.PlanHTML(&page, p, id, view.NamesOf(p.Cluster)); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	if err := replaceFile(name, page.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// page writes the page of what was checked; of the file that it was saved
// to, where it was.
func (w *work) page(ctx context.Context, name, planFile string, checked *executor.Checked) error {
	if planFile != "" {
		p, id, err := readPlan(planFile)
		if err != nil {
			return err
		}
		return writePlanPage(name, p, id)
	}
	p, err := w.toSave(ctx, checked)
	if err != nil {
		return err
	}
	return writePlanPage(name, p, "")
}
