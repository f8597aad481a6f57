package host

import "errors"

var (
	// ErrReadOnly is what a read-only agent answers to a change.
	ErrReadOnly = errors.New("the agent is read-only")
	// ErrUnavailable says that a service on the host does not answer.
	ErrUnavailable = errors.New("unavailable")
	// ErrSecret is what reading a private key answers.
	ErrSecret = errors.New("a private key does not leave its host")
	// ErrLost says that the connection to the host is gone: what the last
	// call did is not known.
	ErrLost = errors.New("connection lost")
	// ErrDigest is a file that is not what its digest says; nothing was put
	// in place.
	ErrDigest = errors.New("wrong digest")
)
