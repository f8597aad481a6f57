package lab

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Reserve waits until no other tests or measurements use the lab, and reserves
// it until release is called or this program ends.
func Reserve(ctx context.Context, out io.Writer) (release func() error, err error) {
	if err := os.MkdirAll(machineDir, 0o700); err != nil {
		return nil, fmt.Errorf("reserve the lab (it needs root): %w", err)
	}
	l := flock.New(filepath.Join(machineDir, "reserved"))
	ok, err := l.TryLock()
	if err == nil && !ok {
		fmt.Fprintln(out, "lab: waiting for the tests or measurements of another run to end")
		_, err = l.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("reserve the lab: %w", err)
	}
	return l.Unlock, nil
}
