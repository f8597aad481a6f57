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

// An Error says why a host cannot be used.
type Error struct {
	Host string // label of the target: cp-1 (deploy@192.0.2.11:22)
	Kind error  // one of the above
	Err  error  // cause
	Hint string // what the user can do; "" if unknown

	Offered string // fingerprint of the refused host key; "" if none was refused
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

// Unwrap lets errors.Is find both the kind and the cause.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

func (t Target) fail(kind, err error, hint string) *Error {
	if t.note != "" {
		hint = strings.TrimPrefix(hint+"; "+t.note, "; ")
	}
	return &Error{Host: t.label(), Kind: kind, Err: err, Hint: hint}
}
