package resource

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// WaitFor asks again until ask says nil, at growing intervals from 50 ms to
// one second. When ctx or the deadline ends first, the error names the
// condition and what ask said last. A lost host ends the wait at once.
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
