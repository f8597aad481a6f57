package document

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// StreamVersion is the version of the lines that Stream writes. An addition
// raises the number behind the dot, a change that breaks readers the one
// before it.
const StreamVersion = "1.1"

// progressEvery is how often at most a step's progress is written.
const progressEvery = time.Second

// A Stream writes events as lines of JSON, the first of which has the
// version. docs/schema/events.json describes them.
type Stream struct {
	write func(line []byte)

	mu   sync.Mutex
	last map[address.Addr]time.Time // when progress was last written
}

// NewStream begins a stream. write gets one line at a time, and may keep it.
func NewStream(write func(line []byte), pmkctl, command string) *Stream {
	s := &Stream{write: write, last: map[address.Addr]time.Time{}}
	s.put(versionLine{lineHead: head("version"), Version: StreamVersion, Pmkctl: pmkctl, Command: command})
	return s
}

// Event writes an event, except progress that comes too often.
func (s *Stream) Event(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := e.(event.StepProgress); ok && !s.due(p) {
		return
	}
	if l := lineOf(e); l != nil {
		s.put(l)
	}
}

// due limits the rate of progress, except of the last event of a step.
func (s *Stream) due(p event.StepProgress) bool {
	if time.Since(s.last[p.Addr]) < progressEvery && p.Done < p.Total {
		return false
	}
	s.last[p.Addr] = time.Now()
	return true
}

func (s *Stream) put(l any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		panic(err) // lines hold strings and numbers
	}
	s.write(b.Bytes())
}

func driftOf(e event.Drifted) driftLine {
	rfc := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	l := driftLine{head("drift"), e.Host, e.Kind, e.Item, string(e.What), e.Was, e.Is, rfc(e.By.Changed), e.By.Owner, e.By.Package, []driftTrace{}}
	for _, t := range e.By.Traces {
		if t.Source == "sudo" {
			t.What, _, _ = strings.Cut(t.What, " ")
		}
		l.Traces = append(l.Traces, driftTrace{rfc(t.Time), t.Source, t.Who, t.What, t.Names})
	}
	return l
}

// streamChanges returns changes without the contents of files,
// because many people read the logs that a stream goes to. Have and Want stay
// if they are short and no secret.
func streamChanges(d change.Diff) []change.Change {
	list := []change.Change{}
	for _, c := range d {
		if c.HasLines() || c.Secret {
			c.Have, c.Want = "", ""
		}
		list = append(list, c)
	}
	return list
}

func head(t string) lineHead {
	return lineHead{t, time.Now().UTC().Format("2006-01-02T15:04:05.000Z")}
}

func stepOf(a address.Addr) stepHead { return stepHead{a, a.Module, a.Host} }

// lineOf returns the line of an event; nil if other events say more.
func lineOf(e event.Event) any {
	switch e := e.(type) {
	case event.Phase:
		return phaseLine{head("phase"), e.Name, e.Total}
	case event.HostReady:
		return hostReadyLine{head("host_ready"), e.Host, e.Took.Milliseconds()}
	case event.HostFailed:
		return hostFailedLine{head("host_failed"), e.Host, e.Err.Error()}
	case event.StepChecked:
		if e.Err != nil { // what modules found is in the events of the plan
			return checkFailedLine{head("check_failed"), stepOf(e.Addr), e.Err.Error()}
		}
	case event.StepProbed:
		return probed(e)
	case event.StepPlanned:
		return plannedLine{head("step_planned"), stepOf(e.Addr), e.Diff.Action(), append([]address.Addr{}, e.Diff.Until()...),
			source{e.Source.Filename, e.Source.Start.Line}, streamChanges(e.Diff)}
	case event.StepDiffers:
		return differsLine{head("step_differs"), stepOf(e.Addr), streamChanges(e.Diff)}
	case event.Drifted:
		return driftOf(e)
	case event.StepExcluded:
		return excludedLine{head("step_left_out"), stepOf(e.Addr), e.Flag, e.Cause}
	case event.Planned:
		return planSummaryLine{head("summary"), "plan", e.Add, e.Change, e.Remove, e.Hosts, e.ControlPlane, e.Etcd,
			e.Restarts, e.Removals, e.Replacements, e.Files, e.Bytes, e.Excluded}
	case event.PolicyJudged:
		return policyLine{head("policy"), e.Name, e.Severity, e.Passed, e.Message, e.File, e.Line}
	case event.Saved:
		return savedLine{head("plan_saved"), e.File, e.SHA256}
	case event.StepStarted:
		return startedLine{head("step_started"), stepOf(e.Addr)}
	case event.StepProgress:
		return progressLine{head("step_progress"), stepOf(e.Addr), e.Done, e.Total}
	case event.StepDone:
		return doneLine{head("step_done"), stepOf(e.Addr), e.Took.Milliseconds(), e.Nop}
	case event.StepFailed:
		return failedLine{head("step_failed"), stepOf(e.Addr), e.Took.Milliseconds(), e.Err.Error()}
	case event.StepSkipped:
		return stepSkippedLine{head("step_skipped"), stepOf(e.Addr), e.Cause}
	case event.Applied:
		return applySummaryLine{head("summary"), "apply", e.Done, e.Failed, e.Skipped}
	case event.Message:
		return messageLine{head("message"), e.Text}
	case event.Diagnosed:
		return diagnosed(e)
	case event.Ended:
		return endLine{head("end"), e.ExitCode, e.Message}
	}
	return nil
}

// probed returns the line of a probe. Its verdict is the worst level found.
func probed(e event.StepProbed) probeLine {
	l := probeLine{lineHead: head("probe"), stepHead: stepOf(e.Addr), Verdict: "ok", Findings: preflight.Entries(e.Findings)}
	switch {
	case e.Err != nil:
		l.Verdict, l.Error = "failed", e.Err.Error()
	case len(e.Findings) > 0:
		l.Verdict = string(preflight.WorstFirst(e.Findings)[0].Level)
	}
	return l
}

func diagnosed(e event.Diagnosed) diagnosticLine {
	d := e.Diag
	l := diagnosticLine{lineHead: head("diagnostic"), Severity: "error", Summary: d.Summary, Detail: d.Detail}
	if d.Severity == hcl.DiagWarning {
		l.Severity = "warning"
	}
	if at := d.Subject; at != nil {
		l.File, l.Line, l.Column, l.EndLine, l.EndCol = at.Filename, at.Start.Line, at.Start.Column, at.End.Line, at.End.Column
		l.Snippet = snippet(e.Files[at.Filename], *at)
	}
	return l
}

// maxSnippet is how many lines of a source are written at most.
const maxSnippet = 20

// snippet returns the lines of a file that a range touches.
func snippet(f *hcl.File, at hcl.Range) string {
	if f == nil || at.Start.Line < 1 {
		return ""
	}
	var lines []string
	n := 0
	for line := range bytes.Lines(f.Bytes) {
		n++
		if n > at.End.Line || len(lines) == maxSnippet {
			break
		}
		if n >= at.Start.Line {
			lines = append(lines, strings.TrimRight(string(line), "\r\n"))
		}
	}
	return strings.Join(lines, "\n")
}
