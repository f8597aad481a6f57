package sshhost

import (
	"errors"
	"strings"
)

// The kinds of an Error.
var (
	ErrUnreachable = errors.New("unreachable")
	ErrHostKey     = errors.New("host key refused")
	ErrAuth        = errors.New("login refused")
	ErrSudo        = errors.New("sudo refused")
	ErrStart       = errors.New("the agent did not start")
)

// An Error is a host that could not be used.
type Error struct {
	Host string // who: cp-1 (deploy@192.0.2.11:22)
	Kind error  // one of the above
	Err  error  // what was found
	Hint string // what to do; "" if nothing is known

	Offered string // fingerprint of the host key that was refused; "" if none was
}

func (e *Error) Error() string {
	s := "ssh to " + e.Host + ": " + e.Kind.Error()
	if e.Err != nil {
		s += ": " + strings.TrimPrefix(e.Err.Error(), "ssh: ")
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap makes errors.Is tell both the kind and the cause.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

func (t Target) fail(kind, err error, hint string) *Error {
	if t.note != "" {
		hint = strings.TrimPrefix(hint+"; "+t.note, "; ")
	}
	return &Error{Host: t.label(), Kind: kind, Err: err, Hint: hint}
}
