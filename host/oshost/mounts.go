package oshost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// Mounts lists mounts in the kernel's order: a mount comes before the mounts
// on it.
func (h *Host) Mounts(ctx context.Context) ([]host.Mount, error) {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	return parseMounts(string(b)), ctx.Err()
}

// parseMounts reads mountinfo; proc(5).
func parseMounts(text string) (out []host.Mount) {
	for line := range strings.Lines(text) {
		before, after, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(g) < 2 {
			continue
		}
		out = append(out, host.Mount{Path: unescapeMount(f[4]), Type: g[0], Source: unescapeMount(g[1])})
	}
	return out
}

// unescapeMount decodes how the kernel writes space, tab, newline and
// backslash.
var unescapeMount = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace

// How long Unmount waits for a mount in use: its users have just been killed.
const (
	unmountLimit = 5 * time.Second
	unmountAgain = 50 * time.Millisecond
)

// Unmount removes the uppermost mount of a path. The system call may hang if
// a server does not answer; then the mount is detached.
func (h *Host) Unmount(ctx context.Context, path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) == "/" {
		return fmt.Errorf("unmount: %q cannot be unmounted", path)
	}
	defer h.paths.lock(path)()
	limit := time.After(unmountLimit)
	for {
		done := make(chan error, 1)
		go func() { done <- unix.Unmount(path, unix.UMOUNT_NOFOLLOW) }()
		select {
		case err := <-done:
			if err == nil || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
				return nil // EINVAL: nothing is mounted there
			}
			if !errors.Is(err, unix.EBUSY) {
				return fmt.Errorf("unmount %s: %w", path, err)
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return detach(path)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return detach(path)
		case <-time.After(unmountAgain):
		}
	}
}

func detach(path string) error {
	if err := unix.Unmount(path, unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unmount %s: %w", path, err)
	}
	return nil
}
