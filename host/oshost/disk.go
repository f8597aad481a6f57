package oshost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// Limits of FsyncLatency. The writes are as large as etcd's.
const (
	syncSize = 2300
	syncTime = 250 * time.Millisecond
	mostSync = 1000
)

// FsyncLatency times synced writes to a file without a name.
func (h *Host) FsyncLatency(ctx context.Context, dir string, n int) ([]time.Duration, error) {
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("time writes: %q is no absolute path", dir)
	}
	f, err := unnamed(filepath.Clean(dir))
	if err != nil {
		return nil, fmt.Errorf("time writes in %s: %w", dir, err)
	}
	defer f.Close()
	var took []time.Duration
	block := make([]byte, syncSize)
	end := time.Now().Add(syncTime)
	for range min(n, mostSync) {
		begin := time.Now()
		if begin.After(end) {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, err := f.Write(block); err != nil {
			return nil, fmt.Errorf("time writes in %s: %w", dir, err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return nil, fmt.Errorf("time writes in %s: %w", dir, err)
		}
		took = append(took, time.Since(begin))
	}
	return took, nil
}

// unnamed opens a file without a name in dir or in its nearest existing
// parent. O_EXCL means that the file can never get a name.
func unnamed(dir string) (*os.File, error) {
	for {
		f, err := os.OpenFile(dir, unix.O_TMPFILE|unix.O_EXCL|os.O_WRONLY, 0o600)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EISDIR), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EROFS):
			return nil, fmt.Errorf("%w: %w", host.ErrUnavailable, err)
		case !errors.Is(err, fs.ErrNotExist) || dir == "/":
			return nil, err
		}
		dir = filepath.Dir(dir)
	}
}
