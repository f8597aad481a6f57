package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"github.com/pmkctl/pmkctl/bench"
)

// alarmsWithin is the longest time for the search for false alarms.
const alarmsWithin = 10 * time.Minute

// searchAlarms runs preflight many times on healthy hosts while all processors
// are busy. No run may fail.
func (b *bencher) searchAlarms(ctx context.Context) error {
	if _, err := exec.LookPath("stress-ng"); err != nil {
		return fmt.Errorf("keep the processors busy (Debian: apt-get install stress-ng): %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, alarmsWithin)
	defer cancel()
	if _, err := b.times(ctx, 1, 0); err != nil { // copies the agent to the hosts
		return err
	}
	stress := exec.CommandContext(ctx, "stress-ng", "--quiet", "--cpu", strconv.Itoa(runtime.NumCPU()))
	stress.Cancel = func() error { return stress.Process.Signal(os.Interrupt) }
	if err := stress.Start(); err != nil {
		return err
	}
	times, err := b.times(ctx, b.options.alarms, 0)
	cancel()
	_ = stress.Wait() // it was interrupted above
	if err != nil {
		return errors.Join(fmt.Errorf("after %d runs that passed", len(times)), err)
	}
	fmt.Printf("%d hosts, stress-ng on %d processors: %d runs, none failed; median %s, worst %s\n",
		len(b.Hosts()), runtime.NumCPU(), len(times), text(bench.Median(times)), text(worst(times)))
	return nil
}
