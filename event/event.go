// Package event has the events of a run as values. The terminal, JSON lines and
// reports are all made from these, so they cannot disagree.
package event

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// Event is one of the types below.
type Event interface{ event() }

// Sink takes events. It is called from many goroutines and must not block for
// long.
type Sink func(Event)

// Phase announces the next part of a run: "connect", "check", "preflight",
// "apply" or "verify".
type Phase struct {
	Name  string
	Total int // hosts or steps; 0 if unknown
}

// HostReady says that a host's agent answered.
type HostReady struct {
	Host string
	Took time.Duration
}

// HostFailed says that a host could not be reached or used.
type HostFailed struct {
	Host string
	Err  error
}

// StepChecked holds what differs.
type StepChecked struct {
	Addr address.Addr
	Diff change.Diff
	Err  error
}

// StepProbed holds what a probe found.
type StepProbed struct {
	Addr     address.Addr
	Findings []preflight.Finding
	Err      error
}

// StepPlanned holds the changes that a step is to make. These events come after
// all checks, in plan order.
type StepPlanned struct {
	Addr   address.Addr
	Source hcl.Range
	Diff   change.Diff
}

// Drifted says that something on a host is no longer as pmkctl wrote it.
type Drifted struct {
	Host string
	state.Drift
}

// StepDiffers holds what still differs in the check after an apply.
type StepDiffers struct {
	Addr address.Addr
	Diff change.Diff
}

// StepExcluded says why a step that differs is not in the plan.
type StepExcluded struct {
	Addr  address.Addr
	Flag  string       // -target, -exclude or -limit
	Cause address.Addr // the step that the flag excludes and this one waits for; zero if it is this step
}

// Planned sums up a plan.
type Planned struct {
	Add, Change, Remove              int // steps
	Hosts, ControlPlane, Etcd        []string
	Restarts, Removals, Replacements int
	Files                            int
	Bytes                            int64
	Excluded                         int // steps that differ
}

// PolicyJudged holds the verdict of a policy.
type PolicyJudged struct{ spec.PolicyVerdict }

// Saved says that the plan was written to a file.
type Saved struct{ File, SHA256 string }

// Applied sums up an apply.
type Applied struct{ Done, Failed, Skipped int }

// StepStarted says that a step's changes begin.
type StepStarted struct{ Addr address.Addr }

// StepProgress is sent during long steps, such as a transfer.
type StepProgress struct {
	Addr        address.Addr
	Done, Total int64 // bytes
}

// StepDone says that a step's changes were made.
type StepDone struct {
	Addr address.Addr
	Took time.Duration
	Nop  bool // nothing remained to be done
}

// StepFailed says that a step failed; what depends on it is skipped. A step
// without changes fails, with no StepStarted, if it cannot be confirmed.
type StepFailed struct {
	Addr address.Addr
	Err  error
	Took time.Duration
}

// StepSkipped says why a step was not tried.
type StepSkipped struct {
	Addr  address.Addr
	Cause address.Addr // the step that failed; zero if the run was interrupted
}

// Message is a line for the operator.
type Message struct{ Text string }

// Diagnosed is a problem in the spec. Files are the sources, with asterisks in
// place of sensitive values.
type Diagnosed struct {
	Diag  *hcl.Diagnostic
	Files map[string]*hcl.File
}

// Ended says how the command ended. It is the last event.
type Ended struct {
	ExitCode int
	Message  string // of the error; "" on success
}

func (Phase) event()        {}
func (HostReady) event()    {}
func (HostFailed) event()   {}
func (StepChecked) event()  {}
func (StepProbed) event()   {}
func (StepPlanned) event()  {}
func (StepDiffers) event()  {}
func (StepExcluded) event() {}
func (Drifted) event()      {}
func (Planned) event()      {}
func (PolicyJudged) event() {}
func (Saved) event()        {}
func (StepStarted) event()  {}
func (StepProgress) event() {}
func (StepDone) event()     {}
func (StepFailed) event()   {}
func (StepSkipped) event()  {}
func (Applied) event()      {}
func (Message) event()      {}
func (Diagnosed) event()    {}
func (Ended) event()        {}
