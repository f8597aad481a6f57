package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/run"
)

func TestExitCodes(t *testing.T) {
	cause := errors.New("cause")
	tests := []struct {
		name        string
		err         error
		interrupted bool
		code        int
		shown       string // on standard error
		message     string // of the last event
	}{
		{"done", nil, false, exitDone, "", ""},
		{"any error", cause, false, exitFailed, "pmkctl: cause\n", "cause"},
		{"spec, shown before", &run.Error{Outcome: run.SpecInvalid}, false, exitSpec, "", "the spec has errors"},
		{"changes", &run.Error{Outcome: run.ChangesPending}, false, exitChanges, "", "there are changes"},
		{"preflight", &run.Error{Outcome: run.PreflightFailed, Err: cause}, false, exitPreflight, "pmkctl: cause\n", "cause"},
		{"incomplete", &run.Error{Outcome: run.Incomplete, Err: cause}, false, exitIncomplete, "pmkctl: cause\n", "cause"},
		{"unreachable", &run.Error{Outcome: run.Unreachable, Err: cause}, false, exitUnreachable, "pmkctl: cause\n", "cause"},
		{"refused", &run.Error{Outcome: run.Refused, Err: cause}, false, exitRefused, "pmkctl: cause\n", "cause"},
		{"among others", errors.Join(&run.Error{Outcome: run.Refused, Err: cause}, io.EOF), false, exitRefused, "pmkctl: cause\n", "cause"},
		{"connection lost", fmt.Errorf("cp-1: %w", host.ErrLost), false, exitUnreachable, "pmkctl: cp-1: " + host.ErrLost.Error() + "\n", "cp-1: " + host.ErrLost.Error()},
		{"interrupted", cause, true, exitInterrupted, "", "interrupted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var shown bytes.Buffer
			a := newApp(nil, streams{err: &shown})
			a.interrupted.Store(tt.interrupted)
			code := a.exitCode(tt.err)
			message := a.ending(code, tt.err)
			if code != tt.code || message != tt.message || shown.String() != tt.shown {
				t.Errorf("got %d, %q, shown %q", code, message, &shown)
			}
		})
	}
}
