package host

import (
	"context"
	"fmt"
	"time"
)

// A Session is a host that an agent serves, with what a run needs beside
// the host itself. It begins read-only.
type Session interface {
	Host

	// Lock takes the host's lock for this session, and with it the right to
	// Arm. Where another run holds it, it waits up to r.Wait and then fails
	// with a *LockedError. It is released with the session.
	Lock(ctx context.Context, r LockRequest) error

	// Arm lets the session change the host from now on, for one plan. There
	// is no way back. It needs the lock.
	Arm(ctx context.Context, plan string) error

	// LockHolder tells who holds the lock; nil if nobody does.
	LockHolder(ctx context.Context) (*LockRequest, error)

	// Identity is who answered: the host key's fingerprint and the like.
	Identity() Identity

	// Close ends the session; the agent leaves.
	Close() error
}

// Identity is what a host is known by.
type Identity struct {
	HostKey string `json:"host_key"` // SHA256:... fingerprint
	Agent   string `json:"agent"`    // version of the agent
}

// A LockRequest says who wants the lock, for others to read.
type LockRequest struct {
	Run   string        `json:"run"`   // id of the run
	Who   string        `json:"who"`   // user@machine of the controller
	For   string        `json:"for"`   // "apply", "preflight"
	Since time.Time     `json:"since"` // set by the agent, on the host's clock
	Wait  time.Duration `json:"wait"`
}

// A LockedError is a lock that another run holds.
type LockedError struct{ Holder LockRequest }

func (e *LockedError) Error() string {
	return fmt.Sprintf("locked by %s since %s for %s (run %s)",
		e.Holder.Who, e.Holder.Since.Format(time.RFC3339), e.Holder.For, e.Holder.Run)
}
