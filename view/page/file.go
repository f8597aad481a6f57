package page

import (
	"bytes"
	"fmt"
	"os"

	"github.com/pmkctl/pmkctl/atomicfile"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/wording"
)

// WritePlan writes the page of a plan to a file; id is "" if the plan was not
// saved. The page shows what stands in files of the hosts, so it is for its
// owner to pass on.
func WritePlan(name string, p *saved.Plan, id string) error {
	var html bytes.Buffer
	if err := Plan(&html, p, id, wording.NamesOf(p.Cluster)); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	if err := atomicfile.Write(name, html.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// WritePreflight writes the page of a run of preflight to a file.
func WritePreflight(name string, d *document.Preflight) error {
	var html bytes.Buffer
	if err := Preflight(&html, d); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	if err := os.WriteFile(name, html.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}
