package document

import (
	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// The lines. Each has its type and the time first.
type (
	lineHead struct {
		Type string `json:"type"`
		Time string `json:"time"` // RFC 3339 with milliseconds, UTC
	}
	stepHead struct {
		Addr   address.Addr `json:"addr"`
		Module string       `json:"module"`
		Host   string       `json:"host"` // "" for a step over all hosts
	}
	versionLine struct {
		lineHead
		Version string `json:"version"`
		Pmkctl  string `json:"pmkctl"`
		Command string `json:"command"`
	}
	phaseLine struct {
		lineHead
		Phase string `json:"phase"`
		Total int    `json:"total"`
	}
	hostReadyLine struct {
		lineHead
		Host string `json:"host"`
		Took int64  `json:"took_ms"`
	}
	hostFailedLine struct {
		lineHead
		Host  string `json:"host"`
		Error string `json:"error"`
	}
	probeLine struct {
		lineHead
		stepHead
		Verdict  string            `json:"verdict"` // ok, ignored, warning, error, failed
		Findings []preflight.Entry `json:"findings"`
		Error    string            `json:"error,omitempty"` // why the probe has no result
	}
	checkFailedLine struct {
		lineHead
		stepHead
		Error string `json:"error"`
	}
	plannedLine struct {
		lineHead
		stepHead
		Action     change.Action   `json:"action"` // "" if it is known later
		KnownAfter []address.Addr  `json:"known_after"`
		Source     source          `json:"source"`
		Changes    []change.Change `json:"changes"`
	}
	differsLine struct {
		lineHead
		stepHead
		Changes []change.Change `json:"changes"`
	}
	planSummaryLine struct {
		lineHead
		Of           string   `json:"of"` // plan
		Add          int      `json:"add"`
		Change       int      `json:"change"`
		Remove       int      `json:"remove"`
		Hosts        []string `json:"hosts"`
		ControlPlane []string `json:"control_plane_hosts"`
		Etcd         []string `json:"etcd_hosts"`
		Restarts     int      `json:"restarts"`
		Removals     int      `json:"removals"`
		Replacements int      `json:"replacements"`
		Files        int      `json:"files"`
		Bytes        int64    `json:"bytes"`
		Excluded     int      `json:"left_out"` // steps that differ
	}
	excludedLine struct {
		lineHead
		stepHead
		Flag  string       `json:"flag"`
		Cause address.Addr `json:"cause"` // "" if the flag excludes the step itself
	}
	applySummaryLine struct {
		lineHead
		Of      string `json:"of"` // apply
		Done    int    `json:"done"`
		Failed  int    `json:"failed"`
		Skipped int    `json:"skipped"`
	}
	policyLine struct {
		lineHead
		Name     string          `json:"name"`
		Severity preflight.Level `json:"severity"`
		Passed   bool            `json:"passed"`
		Message  string          `json:"message"` // of the author; "" if it passed
		File     string          `json:"file"`
		Line     int             `json:"line"`
	}
	savedLine struct {
		lineHead
		File   string `json:"file"`
		SHA256 string `json:"sha256"`
	}
	startedLine struct {
		lineHead
		stepHead
	}
	progressLine struct {
		lineHead
		stepHead
		Done  int64 `json:"done"`
		Total int64 `json:"total"`
	}
	doneLine struct {
		lineHead
		stepHead
		Took int64 `json:"took_ms"`
		Nop  bool  `json:"nothing_left"`
	}
	failedLine struct {
		lineHead
		stepHead
		Took  int64  `json:"took_ms"`
		Error string `json:"error"`
	}
	stepSkippedLine struct {
		lineHead
		stepHead
		Cause address.Addr `json:"cause"` // the step that failed; "" if the run was interrupted
	}
	messageLine struct {
		lineHead
		Text string `json:"text"`
	}
	diagnosticLine struct {
		lineHead
		Severity string `json:"severity"`
		Summary  string `json:"summary"`
		Detail   string `json:"detail"`
		File     string `json:"file"` // "" if the diagnostic has no place
		Line     int    `json:"line"`
		Column   int    `json:"column"`
		EndLine  int    `json:"end_line"`
		EndCol   int    `json:"end_column"`
		Snippet  string `json:"snippet"` // these lines of the file; sensitive values are asterisks
	}
	endLine struct {
		lineHead
		ExitCode int    `json:"exit_code"`
		Message  string `json:"message"`
	}
)

// driftLine is what drifted. Of a command that was run it has only the path
// of the program: arguments may be secrets.
type (
	driftLine struct {
		lineHead
		Host string `json:"host"`
		change.Kind
		Item    string       `json:"item"`
		Differs string       `json:"differs"`
		Was     string       `json:"was,omitempty"`
		Is      string       `json:"is,omitempty"`
		Changed string       `json:"changed,omitempty"`
		Owner   string       `json:"owner,omitempty"`
		Package string       `json:"package,omitempty"`
		Traces  []driftTrace `json:"traces"`
	}
	driftTrace struct {
		Time   string `json:"time,omitempty"`
		Source string `json:"source"`
		Who    string `json:"who,omitempty"`
		What   string `json:"what"`
		Names  bool   `json:"names"`
	}
)
