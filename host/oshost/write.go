package oshost

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// smallest is the file size in bytes from which a digest is recorded.
const smallest = 1 << 20

// A target is a file as it should be, except its content.
type target struct {
	path     string
	mode     uint32
	uid, gid int
}

func (h *Host) target(path string, mode uint32, owner, group string) (target, error) {
	if !filepath.IsAbs(path) {
		return target{}, fmt.Errorf("%q is not an absolute path", path)
	}
	uid, gid, err := h.names.ids(owner, group)
	return target{path: filepath.Clean(path), mode: mode, uid: uid, gid: gid}, err
}

// WriteFile replaces a file in one step.
func (h *Host) WriteFile(ctx context.Context, f host.FileSpec) error {
	t, err := h.target(f.Path, f.Mode, f.Owner, f.Group)
	if err != nil {
		return err
	}
	if _, err := h.replace(ctx, t, bytes.NewReader(f.Content)); err != nil {
		return err
	}
	if len(f.Content) < smallest {
		return nil
	}
	sum := sha256.Sum256(f.Content)
	return h.digests.put(h, t.path, hex.EncodeToString(sum[:]))
}

// temporary returns the name under which a file is made before it replaces
// path. It is always the same, so the next run removes what a killed run
// wrote.
func temporary(path string) string {
	return filepath.Join(filepath.Dir(path), ".pmkctl-new-"+filepath.Base(path))
}

// replace makes a file from r and returns its digest. The old file stays
// until the last moment, and if ctx ends.
func (h *Host) replace(ctx context.Context, t target, r io.Reader) (string, error) {
	defer h.paths.lock(t.path)()
	tmp := temporary(t.path)
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.CopyBuffer(io.MultiWriter(f, sum), &ctxReader{ctx, r}, make([]byte, 256<<10)); err != nil {
		return "", errors.Join(err, os.Remove(tmp))
	}
	if err := h.settle(ctx, f, t, tmp); err != nil {
		_ = os.Remove(tmp) // it may have been renamed already
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// settle gives a written file its owner and mode, syncs it and renames it.
func (h *Host) settle(ctx context.Context, f *os.File, t target, tmp string) error {
	// Owner first: chown clears setuid.
	if err := f.Chown(t.uid, t.gid); err != nil {
		return err
	}
	if err := unix.Fchmod(int(f.Fd()), t.mode&0o7777); err != nil {
		return &fs.PathError{Op: "chmod", Path: t.path, Err: err}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Rename(tmp, t.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(t.path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// writeState writes a file of pmkctl's own.
func (h *Host) writeState(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	_, err := h.replace(context.Background(), target{path: path, mode: 0o600, uid: os.Geteuid(), gid: os.Getegid()}, bytes.NewReader(content))
	return err
}

// Append adds to the end of a file.
func (h *Host) Append(ctx context.Context, path string, data []byte) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%q is not an absolute path", path)
	}
	defer h.paths.lock(path)()
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := os.Lstat(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil || !isNew {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// MakeDir makes a directory and its parents.
func (h *Host) MakeDir(ctx context.Context, d host.DirSpec) error {
	t, err := h.target(d.Path, d.Mode, d.Owner, d.Group)
	if err != nil {
		return err
	}
	defer h.paths.lock(t.path)()
	if err := makeDirs(ctx, t.path); err != nil {
		return err
	}
	// Through a link, mode and owner would change on a directory that no plan
	// showed.
	fd, err := unix.Open(t.path, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "mkdir", Path: t.path, Err: err}
	}
	f := os.NewFile(uintptr(fd), t.path)
	defer f.Close()
	if err := f.Chown(t.uid, t.gid); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, t.mode&0o7777); err != nil {
		return &fs.PathError{Op: "chmod", Path: t.path, Err: err}
	}
	return f.Sync()
}

// makeDirs makes the missing directories of a path and syncs each into its
// parent.
func makeDirs(ctx context.Context, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if st, err := os.Stat(path); err == nil && st.IsDir() || path == "/" {
		return nil
	}
	if err := makeDirs(ctx, filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o755); errors.Is(err, fs.ErrExist) {
		return nil // another call made it, or it is no directory, which the next step finds
	} else if err != nil {
		return err
	}
	if err := os.Chmod(path, 0o755); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Symlink makes or replaces a symbolic link.
func (h *Host) Symlink(ctx context.Context, path, to string) error {
	t, err := h.target(path, 0, "", "")
	if err != nil {
		return err
	}
	defer h.paths.lock(t.path)()
	if err := ctx.Err(); err != nil {
		return err
	}
	if have, err := os.Readlink(t.path); err == nil && have == to {
		return nil
	}
	tmp := temporary(t.path)
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(to, tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, t.path); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return syncDir(filepath.Dir(t.path))
}

// Remove removes a file, a link or an empty directory.
func (h *Host) Remove(ctx context.Context, path string) error {
	t, err := h.target(path, 0, "", "")
	if err != nil {
		return err
	}
	defer h.paths.lock(t.path)()
	if err := ctx.Err(); err != nil {
		return err
	}
	// The file that a killed run was about to put there is removed too.
	if err := os.Remove(temporary(t.path)); absent(err) != nil {
		return err
	}
	if err := os.Remove(t.path); err != nil {
		return absent(err)
	}
	return syncDir(filepath.Dir(t.path))
}

// Install puts what open reads in place if its digest is right.
func (h *Host) Install(ctx context.Context, f host.InstallSpec, open func() (io.ReadCloser, error)) error {
	t, err := h.target(f.Path, f.Mode, "", "")
	if err != nil {
		return err
	}
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	check := &digestReader{r: r, f: f}
	if _, err := h.replace(ctx, t, check); err != nil {
		return err
	}
	return h.digests.put(h, t.path, f.SHA256)
}

// A digestReader returns ErrDigest instead of io.EOF if what was read has the
// wrong digest.
type digestReader struct {
	r   io.Reader
	f   host.InstallSpec
	sum hashState
}

func (d *digestReader) Read(b []byte) (int, error) {
	n, err := d.r.Read(b)
	d.sum.add(b[:n])
	if d.sum.n > d.f.Size {
		return n, fmt.Errorf("%w: %s is longer than %d bytes", host.ErrDigest, d.f.Path, d.f.Size)
	}
	if err == io.EOF {
		if bad := d.sum.compare(d.f); bad != nil {
			return n, bad
		}
	}
	return n, err
}

// Place moves a file that is already on this host into place if its digest is
// right. The source is deleted unless Place fails.
func (h *Host) Place(ctx context.Context, f host.InstallSpec, from string) error {
	t, err := h.target(f.Path, f.Mode, "", "")
	if err != nil {
		return err
	}
	src, err := os.OpenFile(from, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer src.Close()
	var sum hashState
	if _, err := io.CopyBuffer(&sum, &ctxReader{ctx, src}, make([]byte, 256<<10)); err != nil {
		return err
	}
	if err := sum.compare(f); err != nil {
		return err
	}
	if err := h.move(ctx, src, t, from); err != nil {
		return err
	}
	return h.digests.put(h, t.path, f.SHA256)
}

// move renames, or copies from one file system to another.
func (h *Host) move(ctx context.Context, src *os.File, t target, from string) error {
	unlock := h.paths.lock(t.path)
	err := h.settle(ctx, src, t, from)
	unlock()
	if !errors.Is(err, unix.EXDEV) {
		return err
	}
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := h.replace(ctx, t, src); err != nil {
		return err
	}
	return os.Remove(from)
}
