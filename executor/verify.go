package executor

import (
	"context"
	"errors"
	"time"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/plan"
)

// verifyLimit is the longest wait for units that are still activating.
const verifyLimit = 30 * time.Second

// Verify checks the modules after an apply, and repeats that for a while as
// long as something differs. The result holds what still differs.
func Verify(ctx context.Context, g *plan.Graph, hosts Hosts) *Checked {
	ctx, cancel := context.WithTimeout(ctx, verifyLimit)
	defer cancel()
	only := &plan.Graph{}
	for _, s := range g.Steps {
		if s.Work != nil {
			only.Steps = append(only.Steps, s)
		}
	}
	quiet := func(event.Event) {}
	last := Check(ctx, only, hosts, quiet)
	for pause := 200 * time.Millisecond; last.mayHeal(); pause = min(2*pause, 2*time.Second) {
		select {
		case <-ctx.Done():
			return last
		case <-time.After(pause):
		}
		c := Check(ctx, only, hosts, quiet)
		if ctx.Err() != nil {
			return last // interrupted: its errors are deadlines, not differences
		}
		last = c
	}
	return last
}

// mayHeal reports whether something differs that may become right with time. A
// lost host does not come back in this run.
func (c *Checked) mayHeal() bool {
	for _, err := range c.Errs {
		if errors.Is(err, host.ErrLost) {
			return false
		}
	}
	return len(c.Pending())+len(c.Errs) > 0
}
