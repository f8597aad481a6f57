package run

import "fmt"

// An Outcome is a way in which a run ends that callers distinguish.
type Outcome string

// The outcomes. Their text is the message of an Error without Err.
const (
	SpecInvalid     Outcome = "the spec has errors"
	ChangesPending  Outcome = "there are changes" // only if the caller asked for this outcome
	PreflightFailed Outcome = "preflight failed"  // or a policy; nothing was changed
	Incomplete      Outcome = "apply is incomplete"
	Unreachable     Outcome = "hosts cannot be reached"
	Refused         Outcome = "refused" // nothing was changed
)

// An Error ends a run with an outcome. Err is nil if the console has shown the
// reason already.
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

// refusedf returns the error of a run that does not use a plan, or hosts, as
// they are. It is called only before anything is changed.
func refusedf(format string, args ...any) error {
	return &Error{Refused, fmt.Errorf(format, args...)}
}
