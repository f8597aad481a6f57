package run

import (
	"context"
	"errors"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/state"
)

// lock takes the lock of every host for a run. It is held until the session
// ends. lock waits at most wait for hosts that another run has locked.
func (c *connection) lock(ctx context.Context, run string, wait time.Duration) error {
	request := host.LockRequest{Run: run, Who: operator(), For: "apply", Wait: wait}
	err := c.each(func(_ string, s host.Session) error { return s.Lock(ctx, request) })
	if locked := (*host.LockedError)(nil); errors.As(err, &locked) {
		return refusedf("%w\nNothing was changed. To wait for it: -lock-timeout=5m", err)
	}
	return err
}

// arm allows all agents to change their hosts. id is that of the run or of the
// saved plan.
func (c *connection) arm(ctx context.Context, id string) error {
	return c.each(func(_ string, s host.Session) error { return s.Arm(ctx, id) })
}

// keepers returns the keepers of the records, by host. plan is the id of the
// saved plan; "" without one.
func (c *connection) keepers(run, plan string, records map[string]*state.Record) map[string]*state.Keeper {
	keepers := map[string]*state.Keeper{}
	for name, s := range c.sessions {
		keepers[name] = state.NewKeeper(s, run, records[name])
		keepers[name].Plan = plan
	}
	return keepers
}
