package components

import (
	"fmt"
	"time"
)

const (
	signOfLife = 15 * time.Second
	retryLock  = 200 * time.Millisecond
)

// timed runs work, and prints what at its start, every signOfLife, and at its
// end.
func (s store) timed(what string, work func() error) error {
	fmt.Fprintf(s.out, "components: %s\n", what)
	start := time.Now()
	done := make(chan error, 1)
	go func() { done <- work() }()
	tick := time.NewTicker(signOfLife)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if err == nil {
				fmt.Fprintf(s.out, "components: %s: done in %.0f s\n", what, time.Since(start).Seconds())
			}
			return err
		case <-tick.C:
			fmt.Fprintf(s.out, "components: %s (%.0f s)\n", what, time.Since(start).Seconds())
		}
	}
}
