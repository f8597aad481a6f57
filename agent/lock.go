package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

const (
	applyLock = "apply.lock"
	probeLock = "probe.lock"
)

// lockRetry is the time between two attempts to take a lock that another
// process holds.
const lockRetry = 100 * time.Millisecond

// A lockFile is a lock of the host. It is a lock of an open file description:
// it is released when the process ends, for whatever reason, and other
// processes can ask about it without taking it. The file says who holds it.
type lockFile struct {
	path string

	mu sync.Mutex
	f  *os.File // while it is held
}

// take waits for the lock up to r.Wait. If this process already holds it,
// only the holder's description changes.
func (l *lockFile) take(ctx context.Context, r host.LockRequest) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		return l.write(r)
	}
	f, err := l.open()
	if err != nil {
		return err
	}
	if err := l.await(ctx, f, r.Wait); err != nil {
		f.Close()
		return err
	}
	l.f = f
	if err := l.write(r); err != nil {
		l.f = nil
		f.Close()
		return err
	}
	return nil
}

func (l *lockFile) open() (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return nil, fmt.Errorf("lock host: %w", err)
	}
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock host: %w", err)
	}
	return f, nil
}

// await takes the lock of f, or waits for it until ctx ends or the time is
// over. It fails with a *host.LockedError.
func (l *lockFile) await(ctx context.Context, f *os.File, wait time.Duration) error {
	limit := time.After(wait)
	for {
		whole := unix.Flock_t{Type: unix.F_WRLCK}
		err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &whole)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) {
			return fmt.Errorf("lock host: %w", err)
		}
		if wait <= 0 {
			return &host.LockedError{Holder: readHolder(f)}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return &host.LockedError{Holder: readHolder(f)}
		case <-time.After(lockRetry):
		}
	}
}

// write notes the holder in the locked file.
func (l *lockFile) write(r host.LockRequest) error {
	r.Since = time.Now().UTC().Truncate(time.Second)
	if have := readHolder(l.f); have.Run == r.Run && !have.Since.IsZero() {
		r.Since = have.Since
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := l.f.Truncate(0); err != nil {
		return fmt.Errorf("lock host: %w", err)
	}
	if _, err := l.f.WriteAt(append(b, '\n'), 0); err != nil {
		return fmt.Errorf("lock host: %w", err)
	}
	return nil
}

// holder returns the holder of the lock; nil if it is free.
func (l *lockFile) holder() (*host.LockRequest, error) {
	f, err := os.OpenFile(l.path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read lock: %w", err)
	}
	defer f.Close()
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &whole); err != nil {
		return nil, fmt.Errorf("read lock: %w", err)
	}
	if whole.Type == unix.F_UNLCK {
		return nil, nil
	}
	r := readHolder(f)
	return &r, nil
}

// readHolder returns the holder that the file names. It may lag behind the
// lock by a moment.
func readHolder(f *os.File) host.LockRequest {
	r := host.LockRequest{Who: "somebody", For: "something"}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxLine))
	if err == nil {
		_ = json.Unmarshal(b, &r) // a new holder may not have written it yet
	}
	return r
}

// held reports whether this process holds the lock.
func (l *lockFile) held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f != nil
}

func (l *lockFile) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		_ = l.f.Truncate(0)
		l.f.Close()
		l.f = nil
	}
}
