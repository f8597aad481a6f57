// Package event is what happens in a run, as values. Terminal, JSON lines
// and reports are all made from these, so they cannot disagree.
package event

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// Event is one of the types below.
type Event interface{ event() }

// Sink takes events. It is called from many goroutines and must not block
// for long.
type Sink func(Event)

// Phase says what a run begins to do: "connect", "check", "preflight", "apply", "verify".
type Phase struct {
	Name  string
	Total int // hosts or steps; 0 if not known
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

// StepChecked says what differs.
type StepChecked struct {
	Addr  address.Step
	Probe bool // it only checks: Diff are findings
	Diff  change.Diff
	Err   error
}

// StepPlanned says, after all checks and in plan order, what a step is to
// change.
type StepPlanned struct {
	Addr   address.Step
	Source hcl.Range
	Diff   change.Diff
}

// Drifted says that something on a host is not as pmkctl left it.
type Drifted struct {
	Host string
	state.Drift
}

// StepDiffers says what the check after an apply found.
type StepDiffers struct {
	Addr address.Step
	Diff change.Diff
}

// StepExcluded says why a step that differs is not in the plan.
type StepExcluded struct {
	Addr  address.Step
	Flag  string       // -target, -exclude or -limit
	Cause address.Step // the step that the flag leaves out and this one waits for; "" if it is the step itself
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

// PolicyJudged says what came of a policy.
type PolicyJudged struct{ spec.Verdict }

// Saved says that the plan is in a file.
type Saved struct{ File, SHA256 string }

// Applied sums up an apply.
type Applied struct{ Done, Failed, Skipped int }

// StepStarted says that a step's changes begin.
type StepStarted struct{ Addr address.Step }

// StepProgress tells of a long step, such as a transfer.
type StepProgress struct {
	Addr        address.Step
	Done, Total int64 // bytes
}

// StepDone says that a step's changes were made.
type StepDone struct {
	Addr address.Step
	Took time.Duration
	Nop  bool // nothing was left to do
}

// StepFailed says that a step failed; what depends on it is skipped.
type StepFailed struct {
	Addr address.Step
	Err  error
	Took time.Duration
}

// StepSkipped says why a step was not tried.
type StepSkipped struct {
	Addr  address.Step
	Cause address.Step // the step that failed; "" when the run was interrupted
}

// Message is a line for the operator.
type Message struct{ Text string }

// Diagnosed is something wrong with the spec. Files are the sources, with
// asterisks for what is sensitive.
type Diagnosed struct {
	Diag  *hcl.Diagnostic
	Files map[string]*hcl.File
}

// Ended says how the command ended; it is the last event.
type Ended struct {
	ExitCode int
	Message  string // what went wrong; "" if all is well
}

func (Phase) event()        {}
func (HostReady) event()    {}
func (HostFailed) event()   {}
func (StepChecked) event()  {}
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
