package component

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
)

// Sources are the files on the controller that programs and images come from.
// URLs are downloaded once into a cache, by digest. Local files stay where they
// are, and their digests are cached as long as size, times and inode are the
// same. Many hosts may use it at once.
type Sources struct {
	Dir    string       // the cache; "" is pmkctl's directory in the user's cache
	Client *http.Client // nil is a client that waits 30 s for an answer

	flight singleflight.Group
}

// A DigestError says that a source has not the digest of the spec.
type DigestError struct {
	Name, Source, Want, Have string
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("verify %s: %s has sha256 %s, the spec wants %s", e.Name, e.Source, e.Have, e.Want)
}

// Size returns the number of bytes; 0 if it is not known before a download. A
// local file with another digest is a *DigestError.
func (s *Sources) Size(ctx context.Context, p File) (int64, error) {
	if !isURL(p.Source) {
		return s.verified(p)
	}
	path, err := s.cached(p)
	if err != nil {
		return 0, err
	}
	if st, err := os.Stat(path); err == nil {
		return st.Size(), nil
	}
	return once(&s.flight, "head "+p.Source, func() (int64, error) { return s.head(ctx, p.Source), nil })
}

// Fetch makes a program available to Open, by a download if necessary, and returns
// the number of bytes.
func (s *Sources) Fetch(ctx context.Context, p File) (int64, error) {
	if !isURL(p.Source) {
		return s.verified(p)
	}
	path, err := s.cached(p)
	if err != nil {
		return 0, err
	}
	return once(&s.flight, "get "+path, func() (int64, error) {
		if st, err := os.Stat(path); err == nil {
			return st.Size(), nil // download has verified it under this name
		}
		return s.download(ctx, p, path)
	})
}

// Open opens a program after Fetch.
func (s *Sources) Open(p File) (io.ReadCloser, error) {
	if !isURL(p.Source) {
		return os.Open(p.Source)
	}
	path, err := s.cached(p)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

func once[T any](g *singleflight.Group, key string, f func() (T, error)) (T, error) {
	v, err, _ := g.Do(key, func() (any, error) { return f() })
	t, _ := v.(T)
	return t, err
}

func isURL(source string) bool {
	return strings.HasPrefix(source, "https://") || strings.HasPrefix(source, "http://")
}

// verified returns the size of a local file, if it has the wanted digest.
func (s *Sources) verified(p File) (int64, error) {
	abs, err := filepath.Abs(p.Source)
	if err != nil {
		return 0, err
	}
	st, err := os.Stat(abs)
	switch {
	case err != nil:
		return 0, fmt.Errorf("find %s: %w", p.Name, err)
	case !st.Mode().IsRegular():
		return 0, fmt.Errorf("find %s: %s is no file", p.Name, p.Source)
	}
	have, err := once(&s.flight, "hash "+abs, func() (string, error) { return s.digest(abs, st) })
	if err != nil {
		return 0, fmt.Errorf("verify %s: %w", p.Name, err)
	}
	if have != p.SHA256 {
		return 0, &DigestError{Name: p.Name, Source: p.Source, Want: p.SHA256, Have: have}
	}
	return st.Size(), nil
}

// seen is a file of the cache: the digest of a local file, and its stamp when it
// was hashed.
type seen struct {
	Path   string `json:"path"`
	Stamp  string `json:"look"` // size, times and inode
	SHA256 string `json:"sha256"`
}

// digest hashes a file, unless its stamp is the same as when it was hashed last.
func (s *Sources) digest(path string, st fs.FileInfo) (string, error) {
	dir, err := s.dir("digests")
	if err != nil {
		return "", err
	}
	name := sha256.Sum256([]byte(path))
	record := filepath.Join(dir, hex.EncodeToString(name[:16])+".json")
	now := seen{Path: path, Stamp: stamp(st)}
	var old seen
	if b, err := os.ReadFile(record); err == nil && json.Unmarshal(b, &old) == nil && old.Path == path && old.Stamp == now.Stamp {
		return old.SHA256, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	now.SHA256 = hex.EncodeToString(sum.Sum(nil))
	// Not cached: a file that has changed meanwhile, and one that changed just
	// now and may change again within the same tick of the file system's clock.
	after, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if stamp(after) != now.Stamp || time.Since(st.ModTime()) < 2*time.Second {
		return now.SHA256, nil
	}
	b, err := json.Marshal(now)
	if err != nil {
		return "", err
	}
	return now.SHA256, place(record, func(w io.Writer) error { _, err := w.Write(b); return err })
}

// head asks a server for the size of a file; 0 if the server does not return it.
func (s *Sources) head(ctx context.Context, url string) int64 {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return 0
	}
	resp, err := s.client().Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0
	}
	return max(0, resp.ContentLength)
}

// download puts a program into the cache, if it has the wanted digest.
func (s *Sources) download(ctx context.Context, p File, path string) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(stall, func() { cancel(errStalled) })
	defer alarm.Stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Source, nil)
	if err != nil {
		return 0, fmt.Errorf("download %s: %w", p.Name, err)
	}
	resp, err := s.client().Do(r)
	if err != nil {
		return 0, fmt.Errorf("download %s: %w", p.Name, cause(ctx, err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("download %s: get %s: %s", p.Name, p.Source, resp.Status)
	}
	var size int64
	err = place(path, func(w io.Writer) (err error) {
		sum := sha256.New()
		if size, err = io.Copy(io.MultiWriter(w, sum, alive{alarm}), resp.Body); err != nil {
			return cause(ctx, err)
		}
		if have := hex.EncodeToString(sum.Sum(nil)); have != p.SHA256 {
			return &DigestError{Name: p.Name, Source: p.Source, Want: p.SHA256, Have: have}
		}
		return nil
	})
	if e := (*DigestError)(nil); err != nil && !errors.As(err, &e) {
		err = fmt.Errorf("download %s: %w", p.Name, err)
	}
	return size, err
}

// stall is how long a server may send no byte.
const stall = time.Minute

var errStalled = fmt.Errorf("nothing came for %s", stall)

// cause returns an error of its own for a stalled download, and err otherwise.
func cause(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// alive delays an alarm with each byte that is written to it.
type alive struct{ alarm *time.Timer }

func (a alive) Write(p []byte) (int, error) {
	a.alarm.Reset(stall)
	return len(p), nil
}

func (s *Sources) client() *http.Client {
	if s.Client != nil {
		return s.Client
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 30 * time.Second
	return &http.Client{Transport: t}
}

// cached returns the path of a downloaded program.
func (s *Sources) cached(p File) (string, error) {
	dir, err := s.dir("sources")
	return filepath.Join(dir, p.SHA256), err
}

func (s *Sources) dir(name string) (string, error) {
	base := s.Dir
	if base == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(cache, "pmkctl")
	}
	dir := filepath.Join(base, name)
	return dir, os.MkdirAll(dir, 0o755)
}

// place writes a file in one step.
func place(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
