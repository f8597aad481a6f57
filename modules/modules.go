// Package modules defines what a module is: it compares a part of a host with
// what is wanted, and makes the changes that are missing. Each module is a
// package below this one; they do not import each other.
package modules

import (
	"context"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// A Module can make the changes that Check finds.
type Module interface {
	// Check compares the host with what is wanted and changes nothing. It
	// works on a bare host too: a value that only an earlier step can make is a
	// Change with Until set, not an error.
	Check(ctx context.Context, h host.Host) (change.Diff, error)
	// Apply makes the changes of d, which Check returned just before. After it,
	// Check finds nothing. If it is interrupted anywhere, another Check and
	// Apply reach the same end.
	Apply(ctx context.Context, h host.Host, d change.Diff) error
}

// An Owner is a module that can name the items that it may change. An item
// that the host's record has and no step owns any more is a leftover, and is
// removed.
type Owner interface {
	Module
	// Owns returns all items that changes of the module may be about, except
	// removals. nil means that the module does not know: then nothing that its
	// step ever made is a leftover.
	Owns() []string
}

// A Replacer is a module that can redo its work although nothing differs:
// restart a service, issue a certificate, send a program.
type Replacer interface {
	Module
	// Redo adds to d, which Check returned, the changes that are still missing
	// to redo everything, each with Why ReplaceAsked. Apply makes these
	// changes like any other.
	Redo(ctx context.Context, d change.Diff) (change.Diff, error)
}

// A Giver is a module or a probe that finds or makes values which other steps
// wait for.
type Giver interface {
	// Outputs returns these values. The check sets those that it finds; Apply
	// sets the others. The caller settles all of them after the check, so that
	// no reader waits longer.
	Outputs() []Output
}

// A Confirmer is a module of a host that other hosts wait for, because hosts take
// turns. A Check without differences is not enough for them: what it reads may be
// older than the latest change of the host.
type Confirmer interface {
	Module
	// Confirm waits until the host serves again, and changes nothing. Reports
	// from before the call do not count. After an error the next host must not
	// begin.
	Confirm(ctx context.Context, h host.Host) error
}
