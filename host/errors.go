package host

import "errors"

var (
	// ErrReadOnly is the answer of a read-only agent to a change.
	ErrReadOnly = errors.New("the agent is read-only")
	// ErrUnavailable says that a service on the host does not answer.
	ErrUnavailable = errors.New("unavailable")
	// ErrSecret is the answer to reading a private key.
	ErrSecret = errors.New("a private key does not leave its host")
	// ErrLost says that the connection to the host is lost. Whether the last
	// call took effect is not known.
	ErrLost = errors.New("connection lost")
	// ErrDigest says that a file has another digest than it should. It was
	// not put in place.
	ErrDigest = errors.New("wrong digest")
)
