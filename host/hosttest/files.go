package hosttest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/keys"
)

const maxContent = 1 << 20

// Files implements host.Reader.
func (h *Host) Files(ctx context.Context, queries []host.FileQuery) ([]host.File, error) {
	var files []host.File
	err := h.read(ctx, "Files", pathsOf(queries), func() error {
		for _, q := range queries {
			f, err := h.stat(q)
			if err != nil {
				return err
			}
			files = append(files, f)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return files, nil
}

func pathsOf(queries []host.FileQuery) string {
	var paths []string
	for _, q := range queries {
		paths = append(paths, q.Path)
	}
	return strings.Join(paths, " ")
}

func (m *machine) stat(q host.FileQuery) (host.File, error) {
	f := host.File{Path: q.Path}
	at, err := m.tree.resolve("lstat", q.Path, false)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	n := m.tree.get(at)
	if n == nil {
		return f, nil
	}
	f.Type, f.Mode, f.Owner, f.Group, f.ModTime = n.kind, n.mode, n.owner, n.group, n.mtime
	f.Size, f.Target = int64(len(n.content)), n.target
	switch n.kind {
	case host.Dir:
		if q.List {
			f.Entries = m.tree.children(at)
		}
	case host.Link:
		f.Size = int64(len(n.target))
	case host.Regular:
		if f.Secret = n.isSecret(); f.Secret {
			return f, nil
		}
		if q.Digest || q.Verify {
			f.SHA256 = digest(n.content)
		}
		if q.Content {
			if len(n.content) > maxContent {
				return f, &fs.PathError{Op: "read", Path: q.Path, Err: syscall.EFBIG}
			}
			f.Content = append([]byte{}, n.content...)
		}
	}
	return f, nil
}

// isSecret reports whether the content may not leave the host.
func (n *node) isSecret() bool {
	return n.secret || len(n.content) <= maxContent && keys.IsPrivate(n.content)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// WriteFile implements host.Writer.
func (h *Host) WriteFile(ctx context.Context, f host.FileSpec) error {
	return h.change(ctx, "WriteFile", f.Path, func() error {
		return h.place(f.Path, f.Owner, f.Group, &node{kind: host.Regular, mode: f.Mode, content: append([]byte{}, f.Content...)})
	})
}

// place puts a file or link in place and replaces another one, as rename(2)
// does.
func (m *machine) place(p, owner, group string, n *node) error {
	at, err := m.tree.resolve("open", p, false)
	if err != nil {
		return err
	}
	if old := m.tree.get(at); old != nil {
		if old.kind == host.Dir {
			return &fs.PathError{Op: "rename", Path: p, Err: syscall.EISDIR}
		}
		n.secret = n.secret || old.secret && n.kind == host.Regular && keys.IsPrivate(n.content)
	}
	if n.owner, n.group, err = m.own(owner, group); err != nil {
		return err
	}
	n.mtime = m.clock
	m.tree.put(at, n)
	m.moved = m.moved || strings.HasPrefix(at, "/etc/cni/net.d/")
	return nil
}

// own checks owner and group; "" is root.
func (m *machine) own(owner, group string) (string, string, error) {
	if owner == "" {
		owner = "root"
	}
	if group == "" {
		group = "root"
	}
	if _, ok := m.users[owner]; !ok && !isNumber(owner) {
		return "", "", fmt.Errorf("unknown user %s", owner)
	}
	if _, ok := m.groups[group]; !ok && !isNumber(group) {
		return "", "", fmt.Errorf("unknown group %s", group)
	}
	return owner, group, nil
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}

// Append implements host.Writer.
func (h *Host) Append(ctx context.Context, p string, data []byte) error {
	return h.change(ctx, "Append", p, func() error {
		at, err := h.tree.resolve("open", p, true)
		if err != nil {
			return err
		}
		n := node{kind: host.Regular, mode: 0o600, owner: "root", group: "root"}
		if old := h.tree.get(at); old != nil {
			if old.kind != host.Regular {
				return &fs.PathError{Op: "open", Path: p, Err: syscall.EISDIR}
			}
			n = *old
		}
		n.content = append(n.content, data...) // the old node keeps its length
		n.mtime = h.clock
		h.tree.put(at, &n)
		return nil
	})
}

// MakeDir implements host.Writer.
func (h *Host) MakeDir(ctx context.Context, d host.DirSpec) error {
	return h.change(ctx, "MakeDir", d.Path, func() error { return h.makeDir(d) })
}

func (m *machine) makeDir(d host.DirSpec) error {
	owner, group, err := m.own(d.Owner, d.Group)
	if err != nil {
		return err
	}
	if !path.IsAbs(d.Path) || path.Clean(d.Path) != d.Path {
		return &fs.PathError{Op: "mkdir", Path: d.Path, Err: syscall.EINVAL}
	}
	at := "/"
	for _, name := range strings.Split(strings.Trim(d.Path, "/"), "/") {
		if at, err = m.tree.resolve("mkdir", path.Join(at, name), true); err != nil {
			return err
		}
		switch n := m.tree.get(at); {
		case n == nil:
			m.tree.put(at, &node{kind: host.Dir, mode: 0o755, owner: "root", group: "root", mtime: m.clock})
		case n.kind != host.Dir:
			return &fs.PathError{Op: "mkdir", Path: at, Err: syscall.ENOTDIR}
		}
	}
	n := *m.tree.get(at)
	if n.mode == d.Mode && n.owner == owner && n.group == group {
		return nil
	}
	n.mode, n.owner, n.group, n.mtime = d.Mode, owner, group, m.clock
	m.tree.put(at, &n)
	return nil
}

// Symlink implements host.Writer.
func (h *Host) Symlink(ctx context.Context, p, target string) error {
	return h.change(ctx, "Symlink", p, func() error {
		return h.place(p, "", "", &node{kind: host.Link, mode: 0o777, target: target})
	})
}

// Remove implements host.Writer.
func (h *Host) Remove(ctx context.Context, p string) error {
	return h.change(ctx, "Remove", p, func() error {
		at, err := h.tree.resolve("remove", p, false)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil
		}
		if err != nil {
			return err
		}
		if n := h.tree.get(at); n != nil && n.kind == host.Dir && len(h.tree.children(at)) > 0 {
			return &fs.PathError{Op: "remove", Path: p, Err: syscall.ENOTEMPTY}
		}
		h.tree.put(at, nil)
		h.moved = h.moved || strings.HasPrefix(at, "/etc/cni/net.d/")
		return nil
	})
}

// Install implements host.Writer.
func (h *Host) Install(ctx context.Context, f host.InstallSpec, open func() (io.ReadCloser, error)) error {
	content, err := receive(f, open)
	if err != nil {
		return err
	}
	return h.change(ctx, "Install", f.Path, func() error {
		return h.place(f.Path, "", "", &node{kind: host.Regular, mode: f.Mode, content: content})
	})
}

func receive(f host.InstallSpec, open func() (io.ReadCloser, error)) ([]byte, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, f.Size+1))
	if err != nil {
		return nil, fmt.Errorf("receive %s: %w", f.Path, err)
	}
	if int64(len(content)) != f.Size {
		return nil, fmt.Errorf("receive %s: size is not %d bytes", f.Path, f.Size)
	}
	if got := digest(content); got != f.SHA256 {
		return nil, fmt.Errorf("receive %s: sha256 is %s, must be %s", f.Path, got, f.SHA256)
	}
	return content, nil
}
