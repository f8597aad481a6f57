package document_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/viewtest"
)

func asJSON(t *testing.T, r document.PreflightRun) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := document.NewPreflight(r).Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPreflightSchema keeps docs/schema/preflight.json and what is written in
// step: nothing is missing, and nothing is there that is not described.
func TestPreflightSchema(t *testing.T) {
	schema := viewtest.Schema(t, "preflight.json")
	for name, fault := range viewtest.Faults {
		t.Run(name, func(t *testing.T) {
			w := viewtest.NewNetwork(4)
			fault(w)
			r, _ := w.Run(t)
			viewtest.CheckSchema(t, schema, asJSON(t, r))
		})
	}
	t.Run("no report", func(t *testing.T) {
		r, _ := viewtest.NewNetwork(3).Run(t)
		r.Report, r.ExitCode = nil, 130
		r.Errs[plan.Connectivity] = &executor.Error{Step: plan.Connectivity, Op: executor.OpCheck, Err: fmt.Errorf("context canceled")}
		viewtest.CheckSchema(t, schema, asJSON(t, r))
	})
}

// TestPreflightJSON reads the document as programs would.
func TestPreflightJSON(t *testing.T) {
	w := viewtest.NewNetwork(4)
	viewtest.Faults["mixed"](w)
	w.Remove("worker-3", "unreachable", fmt.Errorf("no answer"))
	r, _ := w.Run(t)
	var doc struct {
		document.Preflight
		Edges []document.PreflightEdge `json:"edges"`
	}
	if err := json.Unmarshal(asJSON(t, r), &doc); err != nil {
		t.Fatal(err)
	}
	if want := plan.Edges(w.Cluster); len(doc.Edges) != len(want) {
		t.Errorf("%d edges, want all %d", len(doc.Edges), len(want))
	}
	find := func(from, to, port string) string {
		for _, e := range doc.Edges {
			if e.From == from && e.To == to && fmt.Sprintf("%d/%s", e.Port, e.Protocol) == port {
				return e.Verdict
			}
		}
		return "missing"
	}
	for _, tt := range []struct{ from, to, port, want string }{
		{"worker-2", "worker-1", "8285/udp", "filtered"}, {"worker-1", "worker-2", "8285/udp", "lossy"},
		{"worker-1", "cp-1", "6443/tcp", "refused"}, {"worker-2", "cp-1", "6443/tcp", "ok"}, {"worker-3", "cp-1", "6443/tcp", "not probed"},
	} {
		if got := find(tt.from, tt.to, tt.port); got != tt.want {
			t.Errorf("%s -> %s %s: got %s, want %s", tt.from, tt.to, tt.port, got, tt.want)
		}
	}
	s := doc.Summary
	if s.OK+s.Lossy+s.Failed+s.NotProbed != s.Edges || s.Failed != 2 || s.Lossy != 1 || s.Absent != 1 || s.Hosts != 4 {
		t.Errorf("summary %+v", s)
	}
	if doc.Verdict != "failed" || doc.ExitCode != 4 || doc.Absent[0].Error != "no answer" {
		t.Errorf("verdict %q, exit code %d, left out %+v", doc.Verdict, doc.ExitCode, doc.Absent)
	}
	if len(doc.Statements) == 0 || doc.Statements[0].Verdict == "lossy" {
		t.Errorf("statements %+v", doc.Statements)
	}
	for _, f := range doc.Findings {
		if f.ID == preflight.Memory && (f.Level != "ignored" || len(f.Hosts) != 3) {
			t.Errorf("memory: %+v, want it ignored on 3 hosts", f)
		}
	}
}
