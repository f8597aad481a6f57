package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/viewtest"
)

// events are one of everything that happens, in all its forms.
func events() []event.Event {
	const source = "cluster \"lab\" {\n  pod_cidr = [\n    1,\n  ]\n}\n"
	at := func(from, to int) *hcl.Range {
		return &hcl.Range{Filename: "cluster.hcl", Start: hcl.Pos{Line: from, Column: 3}, End: hcl.Pos{Line: to, Column: 4}}
	}
	files := map[string]*hcl.File{"cluster.hcl": {Bytes: []byte(source)}}
	cause := errors.New("connection lost\n  since a while")
	d := change.Diff{
		{Kind: change.Text, Action: change.Update, Item: "/etc/x", Have: "old content", Want: "new content"},
		{Kind: change.Text, Action: change.Update, Item: "/etc/secret", Have: "d1gest", Want: "d2gest", Secret: true},
		{Kind: change.Sysctl, Action: change.Update, Item: "password", Have: "d3gest", Want: "d4gest", Secret: true},
		{Kind: change.Object, Action: change.Update, Item: "configmap/x", Have: "old content", Want: "new content"},
		{Kind: change.Sysctl, Action: change.Update, Item: "net.x", Have: "0", Want: "1", Why: "<b>&", Drift: true},
		{Kind: change.Transfer, Action: change.Add, Item: "/bin/x", SHA256: strings.Repeat("0", 64), Bytes: 42},
		{Kind: change.Unit, Action: change.Add, Item: "x.service", Until: address.MustParse("ca.cp-1")},
		{Kind: change.Network, Action: change.Remove, Item: "routes"},
		{Kind: change.Unit, Action: change.Restart, Item: "x.service", Have: "enabled, active", Want: "enabled, active", Unit: change.Units{Have: change.Serving, Want: change.Serving},
			Cause: "/etc/x", HaveSHA256: strings.Repeat("0", 64), Manifest: true, Generated: true, Gap: true, Redo: true, Volatile: true},
	}
	finding := func(l preflight.Level) []preflight.Finding {
		return []preflight.Finding{{ID: "PF005", Level: l, Host: "cp-1", Title: "swap", Found: "is on", Expected: "off"}}
	}
	return []event.Event{
		event.Phase{Name: "connect", Total: 3}, event.Phase{Name: "verify"},
		event.HostReady{Host: "cp-1", Took: 1500 * time.Microsecond}, event.HostFailed{Host: "worker-1", Err: cause},
		event.StepProbed{Addr: address.MustParse("preflight.cp-1"), Findings: finding(preflight.Warning)},
		event.StepProbed{Addr: address.MustParse("preflight.cp-2"), Findings: finding(preflight.Error)},
		event.StepProbed{Addr: address.MustParse("preflight.cp-3"), Findings: finding(preflight.Ignored)},
		event.StepProbed{Addr: address.MustParse("connectivity")}, event.StepProbed{Addr: address.MustParse("connectivity"), Err: cause},
		event.StepChecked{Addr: address.MustParse("etcd.cp-1"), Diff: d}, event.StepChecked{Addr: address.MustParse("etcd.cp-1"), Err: cause},
		event.StepPlanned{Addr: address.MustParse("etcd.cp-1"), Source: *at(1, 1), Diff: d}, event.StepPlanned{Addr: address.MustParse("dns.cp-1"), Diff: change.Diff{{Item: "dns.cp-1", Until: address.MustParse("ca.cp-1")}}},
		event.StepExcluded{Addr: address.MustParse("node.cp-1"), Flag: "-target", Cause: address.MustParse("etcd.cp-1")},
		event.Planned{Add: 1, Excluded: 1, Change: 2, Hosts: []string{"cp-1"}, ControlPlane: []string{"cp-1"}, Etcd: []string{}, Restarts: 1, Bytes: 42, Files: 1},
		event.PolicyJudged{PolicyVerdict: spec.PolicyVerdict{Name: "x", Severity: preflight.Error, Message: "no", File: "cluster.hcl", Line: 7}},
		event.PolicyJudged{PolicyVerdict: spec.PolicyVerdict{Name: "x", Severity: preflight.Warning, Passed: true}},
		event.Saved{File: "p.plan", SHA256: strings.Repeat("a", 64)},
		event.StepStarted{Addr: address.MustParse("etcd.cp-1")}, event.StepProgress{Addr: address.MustParse("etcd.cp-1"), Done: 1, Total: 2}, event.StepDone{Addr: address.MustParse("etcd.cp-1"), Took: time.Second},
		event.StepFailed{Addr: address.MustParse("etcd.cp-2"), Took: time.Second, Err: cause}, event.StepSkipped{Addr: address.MustParse("etcd.cp-3"), Cause: address.MustParse("etcd.cp-2")}, event.StepSkipped{Addr: address.MustParse("etcd.cp-4")},
		event.Applied{Done: 1, Failed: 1, Skipped: 2}, event.StepDiffers{Addr: address.MustParse("etcd.cp-1"), Diff: d}, event.Message{Text: "hello"},
		event.Diagnosed{Diag: &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Wrong", Detail: "It is wrong.", Subject: at(2, 4)}, Files: files},
		event.Diagnosed{Diag: &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: "Hm", Subject: at(9, 9)}, Files: files},
		event.Diagnosed{Diag: &hcl.Diagnostic{Summary: "No spec"}},
		event.Ended{ExitCode: 5, Message: "apply is incomplete"},
	}
}

// stream is what events are written as.
func stream(list ...event.Event) []string {
	var lines []string
	s := document.NewStream(func(line []byte) { lines = append(lines, string(line)) }, "1.2.3", "apply")
	for _, e := range list {
		s.Event(e)
	}
	return lines
}

// TestStreamSchema keeps docs/schema/events.json and what is written in
// step; and all of it is written.
func TestStreamSchema(t *testing.T) {
	schema := viewtest.Schema(t, "events.json")
	list := events()
	lines := stream(list...)
	if want := len(list); len(lines) != want { // one more for the version, one less for what a module found
		t.Errorf("%d lines, want %d", len(lines), want)
	}
	for _, line := range lines {
		viewtest.CheckSchema(t, schema, []byte(line))
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") || !strings.HasPrefix(line, `{"type":"`) {
			t.Errorf("not one line: %q", line)
		}
	}
	if !strings.HasPrefix(lines[0], `{"type":"version","time":"`) || !strings.Contains(lines[0], `"version":"`+document.StreamVersion+`","pmkctl":"1.2.3","command":"apply"}`) {
		t.Errorf("the first line is %s", lines[0])
	}
}

// TestStreamHoldsNoContents: no file's contents, and nothing that could be
// guessed from the digest of a secret.
func TestStreamHoldsNoContents(t *testing.T) {
	text := strings.Join(stream(events()...), "")
	for _, word := range []string{"content", "d1gest", "d2gest", "d3gest", "d4gest"} {
		if strings.Contains(text, word) {
			t.Errorf("%q is in the stream", word)
		}
	}
	if !strings.Contains(text, `"item":"net.x","have":"0","want":"1","why":"<b>&"`) {
		t.Error("short values are not in the stream")
	}
}

func TestStreamTells(t *testing.T) {
	lines := stream(events()...)
	for _, want := range []string{
		`"addr":"preflight.cp-1","module":"preflight","host":"cp-1","verdict":"warning"`, `"host":"cp-2","verdict":"error"`, `"host":"cp-3","verdict":"ignored"`,
		`"addr":"connectivity","module":"connectivity","host":"","verdict":"ok","findings":[]}`, `"verdict":"failed","findings":[],"error":"connection lost\n  since a while"}`,
		`"addr":"dns.cp-1","module":"dns","host":"cp-1","action":"","known_after":["ca.cp-1"],"source":{"file":"","line":0}`,
		`"file":"cluster.hcl","line":2,"column":3,"end_line":4,"end_column":4,"snippet":"  pod_cidr = [\n    1,\n  ]"}`,
		`"severity":"warning","summary":"Hm","detail":"","file":"cluster.hcl","line":9,"column":3,"end_line":9,"end_column":4,"snippet":""}`,
		`"exit_code":5,"message":"apply is incomplete"}`,
	} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, want) }) {
			t.Errorf("no line has %s", want)
		}
	}
}

// TestStreamLimitsProgress to a line a second for each step, and the last.
func TestStreamLimitsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int64
		s := document.NewStream(func(line []byte) {
			var p struct {
				Type string
				Done int64
			}
			if err := json.NewDecoder(bytes.NewReader(line)).Decode(&p); err != nil {
				t.Error(err)
			}
			if p.Type == "step_progress" {
				got = append(got, p.Done)
			}
		}, "dev", "apply")
		for i := range int64(250) { // 2.5 s of them
			s.Event(event.StepProgress{Addr: address.MustParse("a.x"), Done: i + 1, Total: 250})
			if i == 100 {
				s.Event(event.StepProgress{Addr: address.MustParse("b.x"), Done: 1000, Total: 2000})
			}
			time.Sleep(10 * time.Millisecond)
		}
		if want := []int64{1, 101, 1000, 201, 250}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
