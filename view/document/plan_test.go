package document_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/internal/golden"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/viewtest"
	"github.com/pmkctl/pmkctl/view/wording"
)

// TestPlanSchema keeps docs/schema/plan.json and what is written in step.
func TestPlanSchema(t *testing.T) {
	p, id := viewtest.SavedPlan(), strings.Repeat("f", 64)
	var doc bytes.Buffer
	if err := document.Plan(&doc, p, id, wording.Summary(executor.Saved(p).Summary())); err != nil {
		t.Fatal(err)
	}
	golden.Text(t, "testdata/saved.json", doc.String())
	viewtest.CheckSchema(t, viewtest.Schema(t, "plan.json"), doc.Bytes())

	doc.Reset()
	if err := document.Plan(&doc, &saved.Plan{Cluster: &spec.Cluster{}, Pmkctl: p.Pmkctl}, id, wording.Summary{}); err != nil {
		t.Fatal(err)
	}
	viewtest.CheckSchema(t, viewtest.Schema(t, "plan.json"), doc.Bytes())
}
