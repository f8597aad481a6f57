package host

import (
	"context"
	"fmt"
	"time"
)

// A Session is a connection to a host that an agent serves. It begins
// read-only.
type Session interface {
	Host

	// Lock takes the host's lock for this session; Arm needs it. If another
	// run holds the lock, Lock waits up to r.Wait and then fails with a
	// *LockedError. The end of the session releases the lock.
	Lock(ctx context.Context, r LockRequest) error

	// Arm lets the session change the host from now on, for one plan. A
	// session cannot be disarmed.
	Arm(ctx context.Context, plan string) error

	// LockHolder returns the holder of the lock; nil if it is free.
	LockHolder(ctx context.Context) (*LockRequest, error)

	Identity() Identity

	// Close ends the session and the agent.
	Close() error
}

// Identity is the host's key and its agent's version.
type Identity struct {
	HostKey string `json:"host_key"` // SHA256:... fingerprint
	Agent   string `json:"agent"`    // version of the agent
}

// A LockRequest describes the run that wants the lock. Other runs read it.
type LockRequest struct {
	Run   string        `json:"run"`   // id of the run
	Who   string        `json:"who"`   // user@machine of the controller
	For   string        `json:"for"`   // "apply", "preflight"
	Since time.Time     `json:"since"` // set by the agent, on the host's clock
	Wait  time.Duration `json:"wait"`
}

// A LockedError says that another run holds the lock.
type LockedError struct{ Holder LockRequest }

func (e *LockedError) Error() string {
	return fmt.Sprintf("locked by %s since %s for %s (run %s)",
		e.Holder.Who, e.Holder.Since.Format(time.RFC3339), e.Holder.For, e.Holder.Run)
}
