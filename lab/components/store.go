package components

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"
)

const (
	manifestFile = "manifest.json"
	unfinished   = ".new-" // prefix of folders that are not complete
)

// A store is the cache: one folder per recipe and image. A complete folder
// never changes.
type store struct {
	root   string // of the repository
	dir    string
	out    io.Writer // progress
	client *http.Client
	silent map[string]bool // servers that did not answer in time
}

// A manifest describes the files beside it.
type manifest struct {
	From   string            `json:"from"`   // origin of the files, for people
	SHA256 map[string]string `json:"sha256"` // by file name
}

// A folder is a complete folder of the cache.
type folder struct {
	path   string
	sha256 map[string]string
}

// DefaultDir returns the cache folder of this user.
func DefaultDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	return filepath.Join(dir, "pmkctl"), nil
}

// lock waits until no other run fills the cache, and removes incomplete folders
// of interrupted runs. The caller unlocks.
func (s store) lock(ctx context.Context) (*flock.Flock, error) {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(s.dir, "lock"))
	if ok, err := l.TryLock(); err == nil && !ok {
		fmt.Fprintf(s.out, "components: waiting for another run that fills %s\n", s.dir)
	}
	if _, err := l.TryLockContext(ctx, retryLock); err != nil {
		return nil, fmt.Errorf("lock %s: %w", s.dir, err)
	}
	left, err := filepath.Glob(filepath.Join(s.dir, unfinished+"*"))
	if err != nil {
		return nil, err
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// find returns the folder of key if it exists and every file has the digest in
// its manifest. Otherwise the error is fs.ErrNotExist or says what is wrong.
func (s store) find(key string) (folder, error) {
	f := folder{path: filepath.Join(s.dir, key)}
	b, err := os.ReadFile(filepath.Join(f.path, manifestFile))
	if err != nil {
		return folder{}, err
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return folder{}, fmt.Errorf("read manifest of %s: %w", key, err)
	}
	f.sha256 = m.SHA256
	return f, f.verify()
}

// verify hashes every file.
func (f folder) verify() error {
	var g errgroup.Group
	for name, want := range f.sha256 {
		g.Go(func() error {
			have, err := digest(filepath.Join(f.path, name))
			if err == nil && have != want {
				err = fmt.Errorf("verify %s: its SHA-256 is %s, the manifest says %s", filepath.Join(f.path, name), have, want)
			}
			return err
		})
	}
	return g.Wait()
}

// fill makes the folder of key. make puts the files into an empty folder and
// returns their origin. The folder appears only when it is complete.
func (s store) fill(key string, names []string, make func(dst string) (from string, err error)) (folder, error) {
	dst, err := os.MkdirTemp(s.dir, unfinished)
	if err != nil {
		return folder{}, err
	}
	defer os.RemoveAll(dst)
	from, err := make(dst)
	if err != nil {
		return folder{}, err
	}
	if err := writeManifest(dst, from, names); err != nil {
		return folder{}, err
	}
	final := filepath.Join(s.dir, key)
	if err := errors.Join(os.Chmod(dst, 0o755), os.RemoveAll(final), os.Rename(dst, final)); err != nil {
		return folder{}, fmt.Errorf("finish %s: %w", key, err)
	}
	return s.find(key)
}

func writeManifest(dst, from string, names []string) error {
	m := manifest{From: from, SHA256: make(map[string]string)}
	for _, name := range names {
		sum, err := digest(filepath.Join(dst, name))
		if err != nil {
			return err
		}
		m.SHA256[name] = sum
	}
	return writeJSON(filepath.Join(dst, manifestFile), m)
}

// writeJSON replaces file at once, so that a reader finds the old or the new
// content, never a part.
func writeJSON(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp := file + ".tmp"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, file)
}

func digest(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hash %s: %w", file, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// recipe returns the recipe's folder: from the cache, from its release page, or
// built.
func (s store) recipe(ctx context.Context, r recipe) (folder, error) {
	key, err := r.key(s.root)
	if err != nil {
		return folder{}, err
	}
	if f, err := s.cached(key); err == nil {
		return f, nil
	}
	return s.fill(key, r.names(), func(dst string) (string, error) {
		if r.release.url != "" {
			err := s.fetch(ctx, r, dst)
			if err == nil {
				return r.fill(r.release.url, "BINARY"), nil
			}
			fmt.Fprintf(s.out, "components: %s: not downloaded: %v\n", r.name, err)
		}
		what := fmt.Sprintf("%s %s: building %s", r.name, r.version, strings.Join(r.names(), ", "))
		return "Go modules", s.timed(what, func() error { return r.build(ctx, s.root, dst) })
	})
}

// fetch puts the programs of the recipe's release into dst. A server that was
// too slow once is not asked again.
func (s store) fetch(ctx context.Context, r recipe, dst string) error {
	server, _, _ := strings.Cut(strings.TrimPrefix(r.release.sums, "https://"), "/")
	if s.silent[server] {
		return fmt.Errorf("%w: %s did not before", errNoRelease, server)
	}
	all, err := r.downloads(ctx, s.client)
	if errors.Is(err, context.DeadlineExceeded) {
		s.silent[server] = true
	}
	if err != nil {
		return err
	}
	return s.timed(r.name+" "+r.version+": downloading", func() error { return r.fetch(ctx, s.client, all, dst) })
}

// image returns the folder with the image's archive. program is the file that
// its recipe made.
func (s store) image(ctx context.Context, im image, key, program string) (folder, error) {
	if f, err := s.cached(key); err == nil {
		return f, nil
	}
	return s.fill(key, []string{im.file()}, func(dst string) (string, error) {
		err := s.timed("image "+im.name+": building", func() error { return im.build(ctx, s.root, program, dst) })
		return "our own build", err
	})
}

// cached is like find, and prints a message about a damaged folder.
func (s store) cached(key string) (folder, error) {
	f, err := s.find(key)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(s.out, "components: getting %s again: %v\n", key, err)
	}
	return f, err
}
