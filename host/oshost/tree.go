package oshost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// countLimit is how long Trees may count.
const countLimit = 2 * time.Second

// Trees counts files and bytes.
func (h *Host) Trees(ctx context.Context, paths []string) ([]host.Tree, error) {
	ctx, cancel := context.WithTimeout(ctx, countLimit)
	defer cancel()
	out := make([]host.Tree, len(paths))
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	mounted := map[string]bool{}
	for _, m := range mounts {
		mounted[m.Path] = true
	}
	for i, p := range paths {
		out[i].Path = p
		var st unix.Stat_t
		if err := unix.Lstat(p, &st); err != nil {
			continue
		}
		out[i].More = count(ctx, p, st.Dev, mounted, &out[i])
	}
	return out, nil
}

// count adds what is at and below path on one file system, and reports
// whether something was not counted for lack of time. Files that are deleted
// in the meantime are not counted, and neither are mounts: their server may
// be dead, and a call to it would hang.
func count(ctx context.Context, path string, dev uint64, mounted map[string]bool, t *host.Tree) (more bool) {
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			more = true
			return fs.SkipAll
		}
		if p != path && mounted[p] {
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if err != nil {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		sys, ok := info.Sys().(*syscall.Stat_t)
		if ok && sys.Dev != dev {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if ok {
			t.Bytes += sys.Blocks * 512
		}
		if !d.IsDir() {
			t.Files++
		}
		return nil
	})
	return more
}

// RemoveTree removes a tree.
func (h *Host) RemoveTree(ctx context.Context, t host.TreeSpec) error {
	path, err := treePath(t)
	if err != nil {
		return err
	}
	// Mounts are listed by their real paths, and /var/lib may be a link.
	parent, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return absent(err)
	}
	if path, err = treePath(host.TreeSpec{Path: filepath.Join(parent, filepath.Base(path)), Within: []string{parent}}); err != nil {
		return err
	}
	defer h.paths.lock(path)()
	mounts, err := h.Mounts(ctx)
	if err != nil {
		return err
	}
	mounted := false
	for _, m := range mounts {
		if strings.HasPrefix(m.Path, path+"/") && !slices.Contains(t.Keep, first(m.Path[len(path)+1:])) {
			return fmt.Errorf("remove %s: %s (%s) is mounted below it: unmount that first; nothing was removed", path, m.Path, m.Type)
		}
		mounted = mounted || m.Path == path
	}
	dir, err := os.OpenFile(path, unix.O_DIRECTORY|unix.O_NOFOLLOW|os.O_RDONLY, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return removeEntry(path)
	case err != nil:
		return fmt.Errorf("remove %s: %w", path, err)
	}
	defer dir.Close()
	e := emptier{ctx: ctx, top: dir}
	if err := e.empty(dir, t.Keep, 0); err != nil {
		return fmt.Errorf("remove %w", err)
	}
	if mounted || len(t.Keep) > 0 {
		return nil
	}
	return removeEntry(path)
}

// systems are the names at the root of a system.
var systems = []string{"bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin", "srv", "sys", "tmp", "usr", "var"}

// treePath refuses paths that must never be removed with all below them.
func treePath(t host.TreeSpec) (string, error) {
	path := filepath.Clean(t.Path)
	if path != t.Path || !filepath.IsAbs(path) || path == "/" || slices.Contains(systems, path[1:]) {
		return "", fmt.Errorf("remove %q: that is no path of a tree that may be removed", t.Path)
	}
	if !slices.ContainsFunc(t.Within, func(w string) bool { return path == w || strings.HasPrefix(path, w+"/") }) {
		return "", fmt.Errorf("remove %s: it is not within %s", path, strings.Join(t.Within, ", "))
	}
	return path, nil
}

func first(path string) string {
	name, _, _ := strings.Cut(path, "/")
	return name
}

func removeEntry(path string) error {
	if err := os.Remove(path); err != nil {
		return absent(err)
	}
	return syncDir(filepath.Dir(path))
}

// batch is how many names of a directory are read at a time.
const batch = 512

// deepest is how many nested directories are open at once. Pods may nest more
// of them than files can be open.
const deepest = 100

// An emptier removes all that is in a directory.
type emptier struct {
	ctx   context.Context
	top   *os.File
	moved int // number of directories that were too deep and are now directly below top
}

// empty removes all in a directory, through open directories: if a link or a
// mount appears on the way in the meantime, the result is an error.
func (e *emptier) empty(dir *os.File, keep []string, depth int) error {
	var names []string
	for {
		if err := e.ctx.Err(); err != nil {
			return err
		}
		// From the start each time, because removals move the other entries.
		if _, err := dir.Seek(0, 0); err != nil {
			return err
		}
		var err error
		if names, err = dir.Readdirnames(batch + len(keep)); err != nil && len(names) == 0 {
			return nil // the end
		}
		names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(keep, n) })
		if len(names) == 0 {
			return nil
		}
		for _, n := range names {
			if err := e.remove(dir, n, depth); err != nil {
				return err
			}
		}
	}
}

func (e *emptier) remove(dir *os.File, name string, depth int) error {
	at := func(err error) error {
		return &fs.PathError{Op: "unlink", Path: filepath.Join(dir.Name(), name), Err: err}
	}
	err := unix.Unlinkat(int(dir.Fd()), name, 0)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	if err != unix.EISDIR && err != unix.EPERM {
		return at(err)
	}
	if depth == deepest {
		if err := e.raise(dir, name); err != nil && err != unix.ENOENT {
			return at(err)
		}
		return nil
	}
	fd, oerr := openBelow(int(dir.Fd()), name)
	if oerr == unix.ENOENT {
		return nil
	}
	if oerr == unix.ENOTDIR {
		return at(err) // a file that cannot be removed, because it is immutable
	}
	if oerr != nil {
		return at(oerr)
	}
	sub := os.NewFile(uintptr(fd), filepath.Join(dir.Name(), name))
	err = e.empty(sub, nil, depth+1)
	sub.Close()
	if err != nil {
		return err
	}
	if err := unix.Unlinkat(int(dir.Fd()), name, unix.AT_REMOVEDIR); err != nil && err != unix.ENOENT {
		return at(err)
	}
	return nil
}

// raise moves a directory to the top, which is read until it is empty.
func (e *emptier) raise(dir *os.File, name string) error {
	for {
		e.moved++
		err := unix.Renameat(int(dir.Fd()), name, int(e.top.Fd()), fmt.Sprintf(".pmkctl-deep-%d", e.moved))
		if err != unix.ENOTEMPTY && err != unix.EEXIST { // the name is from an interrupted run
			return err
		}
	}
}

// openBelow opens a directory unless it is a link or a mount. Kernels before
// 5.6 cannot distinguish a bind mount of the same file system from a
// directory; there only the list of mounts, read before, protects it.
func openBelow(dir int, name string) (int, error) {
	fd, err := unix.Openat2(dir, name, &unix.OpenHow{
		Flags:   unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_RDONLY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_XDEV | unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != unix.ENOSYS && err != unix.EPERM { // EPERM comes from seccomp filters that do not know the call
		return fd, err
	}
	fd, err = unix.Openat(dir, name, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	var above, below unix.Stat_t
	if err := errors.Join(unix.Fstat(dir, &above), unix.Fstat(fd, &below)); err != nil || above.Dev != below.Dev {
		unix.Close(fd)
		return -1, unix.EXDEV
	}
	return fd, nil
}
