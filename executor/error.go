package executor

import (
	"fmt"

	"github.com/pmkctl/pmkctl/address"
)

// Op is the part of a step that failed.
type Op string

// The ops.
const (
	OpCheck   Op = "check"
	OpApply   Op = "apply"
	OpConfirm Op = "confirm"
)

// An Error is a step that failed.
type Error struct {
	Step address.Addr // module and host
	Op   Op
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %v", e.Step, e.Op, e.Err) }
func (e *Error) Unwrap() error { return e.Err }
