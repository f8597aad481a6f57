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
	"github.com/pmkctl/pmkctl/host/keys"
)

// maxKey is the largest size, in bytes, of a key or a certificate.
const maxKey = 64 << 10

// readKey reads a private key, which must not leave this host.
func readKey(path string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("%q is not an absolute path", path)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > maxKey {
		return nil, fmt.Errorf("%s is no key", path)
	}
	return os.ReadFile(path)
}

// Keys returns the public halves of private keys.
func (h *Host) Keys(_ context.Context, paths []string) ([]host.Key, error) {
	out := make([]host.Key, len(paths))
	for i, p := range paths {
		k, err := h.key(p)
		if absent(err) != nil {
			return nil, fmt.Errorf("read the key at %s: %w", p, err)
		}
		out[i] = k
	}
	return out, nil
}

func (h *Host) key(path string) (host.Key, error) {
	k := host.Key{Path: path}
	private, err := readKey(path)
	if err != nil {
		return k, err
	}
	if k.Public, err = keys.Public(private); err != nil {
		return k, err
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return k, err
	}
	k.Mode = st.Mode & 0o7777
	passwd, group := h.names.tables()
	k.Owner, k.Group = passwd.name(st.Uid), group.name(st.Gid)
	return k, nil
}

// EnsureKey makes a private key if nothing is at the path. Anything else
// there that is no key is not replaced, because it may be a key in an unknown
// format.
func (h *Host) EnsureKey(ctx context.Context, spec host.KeySpec) (host.Key, error) {
	t, err := h.target(spec.Path, spec.Mode, spec.Owner, spec.Group)
	if err != nil {
		return host.Key{}, err
	}
	if err := h.keys.add(h, t.path); err != nil {
		return host.Key{}, err
	}
	switch _, err := h.key(t.path); {
	case errors.Is(err, fs.ErrNotExist):
		err = h.makeKey(ctx, t)
		if err != nil {
			return host.Key{}, fmt.Errorf("make the key at %s: %w", t.path, err)
		}
	case err != nil:
		return host.Key{}, fmt.Errorf("read the key at %s: %w", t.path, err)
	default:
		if err := h.guard(t); err != nil {
			return host.Key{}, fmt.Errorf("guard the key at %s: %w", t.path, err)
		}
	}
	k, err := h.key(t.path)
	k.Path = spec.Path
	return k, err
}

// makeKey makes a key where nothing is. It never replaces a key: two calls at
// once end with the same one.
func (h *Host) makeKey(ctx context.Context, t target) error {
	defer h.paths.lock(t.path)()
	if _, err := os.Lstat(t.path); err == nil {
		return nil
	}
	private, err := keys.New()
	if err != nil {
		return err
	}
	tmp := temporary(t.path)
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err = f.Write(private); err == nil {
		err = h.settle(ctx, f, t, tmp)
	}
	if err != nil {
		_ = os.Remove(tmp) // it may have been renamed already
	}
	return err
}

// guard sets mode and owner of an existing key.
func (h *Host) guard(t target) error {
	defer h.paths.lock(t.path)()
	f, err := os.OpenFile(t.path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Chown(t.uid, t.gid); err != nil {
		return err
	}
	if err := unix.Fchmod(int(f.Fd()), t.mode&0o7777); err != nil {
		return err
	}
	return f.Sync()
}

// Request makes a signing request.
func (h *Host) Request(_ context.Context, keyPath, commonName string) ([]byte, error) {
	private, err := readKey(keyPath)
	if err != nil {
		return nil, err
	}
	return keys.Request(private, commonName)
}

// Sign issues a certificate.
func (h *Host) Sign(_ context.Context, r host.SignRequest) ([]byte, error) {
	private, err := readKey(r.KeyPath)
	if err != nil {
		return nil, err
	}
	var cert []byte
	if r.CertPath != "" {
		if cert, err = readKey(r.CertPath); err != nil {
			return nil, err
		}
	}
	return keys.Sign(private, cert, r, time.Now())
}
