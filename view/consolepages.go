package view

import (
	"bytes"
	"fmt"
	"os"

	"github.com/pmkctl/pmkctl/atomicfile"
	"github.com/pmkctl/pmkctl/plan/saved"
)

// PlanPage writes the page of a plan to a file; id is "" if the plan was not
// saved. The page shows what stands in files of the hosts, so it is for its
// owner to pass on.
func (*Console) PlanPage(name string, p *saved.Plan, id string) error {
	var page bytes.Buffer
	if err := PlanHTML(&page, p, id, NamesOf(p.Cluster)); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	if err := atomicfile.Write(name, page.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// PreflightPage writes the page of a run of preflight to a file.
func (*Console) PreflightPage(name string, d *PreflightDoc) error {
	var page bytes.Buffer
	if err := PreflightHTML(&page, d); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	if err := os.WriteFile(name, page.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}
