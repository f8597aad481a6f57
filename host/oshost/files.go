package oshost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

const (
	maxContent = 1 << 20  // bytes of one file's content
	maxTotal   = 64 << 20 // bytes of all contents in one answer
)

// Files reads what is at paths. Metadata and content come from one open file,
// so that nothing is read through a link that replaces the file in the
// meantime.
func (h *Host) Files(ctx context.Context, queries []host.FileQuery) ([]host.File, error) {
	read := fileReader{digests: h.digests.all()}
	read.passwd, read.group = h.names.tables()
	var err error
	if read.inodes, read.paths, err = h.keys.inodes(); err != nil {
		return nil, err
	}
	files := make([]host.File, len(queries))
	total := 0
	for i, q := range queries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if files[i], err = read.file(ctx, q); err != nil {
			return nil, fmt.Errorf("look at %s: %w", q.Path, err)
		}
		if total += len(files[i].Content); total > maxTotal {
			return nil, fmt.Errorf("look at %s: more than %d bytes in one answer", q.Path, maxTotal)
		}
	}
	return files, nil
}

// A fileReader is one Files call.
type fileReader struct {
	passwd, group *table
	digests       map[string]digest
	inodes        map[inode]bool
	paths         map[string]bool
}

func (r *fileReader) file(ctx context.Context, q host.FileQuery) (host.File, error) {
	f := host.File{Path: q.Path}
	if !filepath.IsAbs(q.Path) {
		return f, errors.New("the path is not absolute")
	}
	var st unix.Stat_t
	if err := unix.Lstat(q.Path, &st); err != nil {
		return f, absent(err)
	}
	r.describe(&f, &st)
	var err error
	switch f.Type {
	case host.Link:
		if f.Target, err = os.Readlink(q.Path); err != nil {
			return host.File{Path: q.Path}, absent(err)
		}
	case host.Dir:
		if q.List {
			f.Entries, err = names(q.Path)
		}
	case host.Regular:
		f.Secret = r.secret(q.Path, &st)
		if !f.Secret && (q.Content || q.Digest) {
			err = r.read(ctx, q, &f)
		}
	}
	return f, err
}

// absent returns nil for an error that means that nothing is there.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return err
}

func (r *fileReader) secret(path string, st *unix.Stat_t) bool {
	return r.paths[filepath.Clean(path)] || r.inodes[inode{st.Dev, st.Ino}]
}

func (r *fileReader) describe(f *host.File, st *unix.Stat_t) {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		f.Type = host.Regular
	case unix.S_IFDIR:
		f.Type = host.Dir
	case unix.S_IFLNK:
		f.Type = host.Link
	default:
		f.Type = host.Other
	}
	f.Mode, f.Size = st.Mode&0o7777, st.Size
	f.ModTime = time.Unix(st.Mtim.Unix()).UTC()
	f.Owner, f.Group = r.passwd.name(st.Uid), r.group.name(st.Gid)
}

// read opens the file and fills in content and digest.
func (r *fileReader) read(ctx context.Context, q host.FileQuery, f *host.File) error {
	// O_NONBLOCK, because a FIFO may have replaced the file.
	fd, err := unix.Open(q.Path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), q.Path)
	defer file.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	r.describe(f, &st)
	if f.Secret = f.Type == host.Regular && r.secret(q.Path, &st); f.Secret || f.Type != host.Regular {
		return nil
	}
	if q.Digest && !q.Verify && !q.Content {
		if d, ok := r.digests[filepath.Clean(q.Path)]; ok && d.stamp == stampOf(&st) {
			f.SHA256 = d.SHA256
			return nil
		}
	}
	if st.Size > maxContent {
		if q.Content {
			return fmt.Errorf("%d bytes are more than can be read at once", st.Size)
		}
		f.SHA256, err = digestOf(ctx, file) // the file is too long for a key
		return err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxContent+1))
	if err != nil {
		return err
	}
	if len(content) > maxContent {
		return fmt.Errorf("more than %d bytes", maxContent)
	}
	if f.Secret = isSecret(content); f.Secret {
		return nil
	}
	if q.Content {
		f.Content = content
	}
	if q.Digest {
		sum := sha256.Sum256(content)
		f.SHA256 = hex.EncodeToString(sum[:])
	}
	return nil
}

// digestOf returns the SHA-256 of all that r has.
func digestOf(ctx context.Context, r io.Reader) (string, error) {
	sum := sha256.New()
	if _, err := io.CopyBuffer(sum, &ctxReader{ctx, r}, make([]byte, 256<<10)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// A ctxReader fails when its context has ended.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

func names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.Name()
	}
	return out, nil
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
