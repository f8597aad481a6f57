package components

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// answerWithin is the longest wait for a checksum from a download page. After
// that the project is built instead.
const answerWithin = 3 * time.Second

// fetchWithin is the longest time for one download, after its page has
// answered.
const fetchWithin = 10 * time.Minute

var errNoRelease = errors.New("no release page answers")

// A download is one file of a release with its digest.
type download struct {
	url    string
	sha256 string
}

// downloads gets the checksums of the recipe's files from the release page. Any
// failure, also a slow answer, is errNoRelease.
func (r recipe) downloads(ctx context.Context, client *http.Client) ([]download, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	var all []download
	for _, name := range r.files() {
		url := r.fill(r.release.url, name)
		sums, err := get(ctx, client, r.fill(r.release.sums, name))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNoRelease, err)
		}
		sum, err := findSum(sums, path.Base(url))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNoRelease, err)
		}
		all = append(all, download{url, sum})
	}
	return all, nil
}

// files returns the files to download: each program by itself, or one archive
// with all of them.
func (r recipe) files() []string {
	if r.archived() {
		return []string{""}
	}
	return r.names()
}

func (r recipe) archived() bool {
	return strings.HasSuffix(r.release.url, "gz")
}

// get returns the body at url. The size is limited.
func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	body, err := open(ctx, client, url)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, 1<<20))
}

func open(ctx context.Context, client *http.Client, url string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("get %s: %s", url, resp.Status)
	}
	return resp.Body, nil
}

// findSum returns the digest of the named file in sums: the only word in it, or
// the first word of the line that ends with the name.
func findSum(sums []byte, name string) (string, error) {
	lines := bufio.NewScanner(bytes.NewReader(sums))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) == 0 || !isSHA256(f[0]) {
			continue
		}
		if len(f) == 1 || path.Base(strings.TrimPrefix(f[len(f)-1], "*")) == name {
			return strings.ToLower(f[0]), nil
		}
	}
	return "", fmt.Errorf("find the checksum of %s: the release page has none", name)
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size
}

// fetch downloads all files and puts the recipe's programs into dst.
func (r recipe) fetch(ctx context.Context, client *http.Client, all []download, dst string) error {
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	for i, d := range all {
		file := filepath.Join(dst, "download")
		if !r.archived() {
			file = filepath.Join(dst, r.programs[i].name)
		}
		if err := d.save(ctx, client, file); err != nil {
			return err
		}
		if !r.archived() {
			continue
		}
		if err := unpack(file, dst, r.names()); err != nil {
			return fmt.Errorf("unpack %s: %w", d.url, err)
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// save writes the download to file. It returns an error if the digest is wrong.
func (d download) save(ctx context.Context, client *http.Client, file string) error {
	body, err := open(ctx, client, d.url)
	if err != nil {
		return err
	}
	defer body.Close()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), body)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("get %s: %w", d.url, err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != d.sha256 {
		return fmt.Errorf("get %s: its SHA-256 is %s, the release page says %s", d.url, sum, d.sha256)
	}
	return nil
}

// unpack extracts the named programs from a tar.gz, from any folder in it. A
// missing program is an error.
func unpack(archive, dst string, names []string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	missing := make(map[string]bool)
	for _, name := range names {
		missing[name] = true
	}
	for t := tar.NewReader(z); len(missing) > 0; {
		h, err := t.Next()
		if err == io.EOF {
			return fmt.Errorf("%d of %v are not in it", len(missing), names)
		}
		if err != nil {
			return err
		}
		name := path.Base(h.Name)
		if h.Typeflag != tar.TypeReg || !missing[name] {
			continue
		}
		if err := extract(t, filepath.Join(dst, name)); err != nil {
			return err
		}
		delete(missing, name)
	}
	return nil
}

func extract(r io.Reader, file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
