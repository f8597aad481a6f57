package run

import "fmt"

// An Outcome is a way in which a run ends that callers tell apart.
type Outcome string

// The outcomes. Their text stands where no error says more.
const (
	SpecInvalid     Outcome = "the spec has errors"
	ChangesPending  Outcome = "there are changes" // and the caller asked
	PreflightFailed Outcome = "preflight failed"  // or a policy; nothing was changed
	Incomplete      Outcome = "apply is incomplete"
	Unreachable     Outcome = "hosts cannot be reached"
	Refused         Outcome = "refused" // nothing was changed
)

// An Error ends a run with an outcome. Err is nil if the console has shown
// why.
type Error struct {
	Outcome Outcome
	Err     error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Outcome)
	}
	return e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// refusedf ends a run that will not use a plan, or hosts, as they are. It is
// called only while nothing was changed.
func refusedf(format string, args ...any) error {
	return &Error{Refused, fmt.Errorf(format, args...)}
}
