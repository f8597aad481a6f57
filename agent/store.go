package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// A store is the directory in which files arrive, each under its digest,
// before they are put in place. A receiver writes only to files that the
// armed agent announced here.
type store struct{ dir string }

// old is the age at which the bytes of an unfinished transfer are deleted.
const old = 7 * 24 * time.Hour

// A placer is a host that moves a file into place that is already on its
// disk.
type placer interface {
	Place(ctx context.Context, f host.InstallSpec, from string) error
}

func (s store) path(digest string) string { return filepath.Join(s.dir, digest) }

// announce makes an empty file if there is none, and returns how many bytes
// of it an earlier try received.
func (s store) announce(_ context.Context, f host.InstallSpec) (incoming, error) {
	if err := checkDigest(f.SHA256); err != nil {
		return incoming{}, err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return incoming{}, fmt.Errorf("receive %s: %w", f.Path, err)
	}
	s.prune()
	file, err := os.OpenFile(s.path(f.SHA256), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return incoming{}, fmt.Errorf("receive %s: %w", f.Path, err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return incoming{}, fmt.Errorf("receive %s: %w", f.Path, err)
	}
	if st.Size() <= f.Size {
		return incoming{Have: st.Size()}, nil
	}
	if err := file.Truncate(0); err != nil {
		return incoming{}, fmt.Errorf("receive %s: %w", f.Path, err)
	}
	return incoming{}, nil
}

// prune deletes unfinished transfers that nothing continued.
func (s store) prune() {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if st, err := e.Info(); err == nil && time.Since(st.ModTime()) > old {
			_ = os.Remove(filepath.Join(s.dir, e.Name())) // a file that stays costs only space
		}
	}
}

// chunk writes bytes to a file at their offset. It may be repeated.
func (s store) chunk(_ context.Context, a chunkArgs) (none, error) {
	if err := checkDigest(a.SHA256); err != nil {
		return none{}, err
	}
	file, err := os.OpenFile(s.path(a.SHA256), os.O_WRONLY, 0)
	if err != nil {
		return none{}, fmt.Errorf("receive: %w", err)
	}
	defer file.Close()
	if st, err := file.Stat(); err != nil {
		return none{}, fmt.Errorf("receive: %w", err)
	} else if a.Offset < 0 || a.Offset > st.Size() {
		return none{}, fmt.Errorf("receive: offset %d, have %d bytes", a.Offset, st.Size())
	}
	if _, err := file.WriteAt(a.Data, a.Offset); err != nil {
		return none{}, fmt.Errorf("receive: %w", err)
	}
	return none{}, nil
}

// place moves a file that has arrived to its path. A file with a wrong digest
// is deleted.
func (s store) place(ctx context.Context, h host.Host, f host.InstallSpec) error {
	if err := checkDigest(f.SHA256); err != nil {
		return err
	}
	from := s.path(f.SHA256)
	if p, ok := h.(placer); ok {
		err := p.Place(ctx, f, from)
		if errors.Is(err, host.ErrDigest) {
			_ = os.Remove(from)
		}
		return err
	}
	if err := verify(from, f); err != nil {
		_ = os.Remove(from)
		return err
	}
	if err := h.Install(ctx, f, func() (io.ReadCloser, error) { return os.Open(from) }); err != nil {
		return err
	}
	if err := os.Remove(from); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what was received: %w", err)
	}
	return nil
}

func verify(path string, f host.InstallSpec) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, file)
	if err != nil {
		return fmt.Errorf("read what was received: %w", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != f.Size || got != f.SHA256 {
		return fmt.Errorf("%w: %s is %d bytes with SHA-256 %s, not %d with %s", host.ErrDigest, f.Path, n, got, f.Size, f.SHA256)
	}
	return nil
}
