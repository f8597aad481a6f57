package resource

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// WaitFor calls ask until it returns nil, at growing intervals from 50 ms to one
// second. If ctx or the limit ends first, the error has the condition and the last
// error of ask. A lost host ends the wait at once.
func WaitFor(ctx context.Context, condition string, limit time.Duration, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	pause := 50 * time.Millisecond
	for {
		err := ask(ctx)
		if err == nil || errors.Is(err, host.ErrLost) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait %s for %s: %w", limit, condition, err)
		case <-time.After(pause):
		}
		pause = min(pause*3/2, time.Second)
	}
}
