package oshost

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host/keys"
)

// A keyList is the paths of all keys that EnsureKey ever made. A file is
// recognized by its inode, so links, bind mounts and other spellings of a
// path do not hide a key.
type keyList struct {
	path string

	mu     sync.Mutex
	stamp  stamp
	loaded bool
	paths  map[string]bool
}

// load reads the list if it has changed. A list that cannot be read is an
// error, because without it the content of a key could be returned.
func (l *keyList) load() error {
	var st unix.Stat_t
	err := unix.Stat(l.path, &st)
	if errors.Is(err, fs.ErrNotExist) {
		l.paths, l.loaded, l.stamp = map[string]bool{}, true, stamp{}
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", l.path, err)
	}
	if l.loaded && l.stamp == stampOf(&st) {
		return nil
	}
	b, err := os.ReadFile(l.path)
	if err != nil {
		return err
	}
	var paths []string
	if err := json.Unmarshal(b, &paths); err != nil {
		return fmt.Errorf("read %s: %w", l.path, err)
	}
	l.paths, l.loaded, l.stamp = map[string]bool{}, true, stampOf(&st)
	for _, p := range paths {
		l.paths[p] = true
	}
	return nil
}

// An inode identifies a file whatever its names are.
type inode struct{ dev, ino uint64 }

// inodes returns the keys that exist now, by inode and by path.
func (l *keyList) inodes() (map[inode]bool, map[string]bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.load(); err != nil {
		return nil, nil, err
	}
	found := map[inode]bool{}
	for p := range l.paths {
		var st unix.Stat_t
		if unix.Stat(p, &st) == nil {
			found[inode{st.Dev, st.Ino}] = true
		}
	}
	return found, l.paths, nil
}

// add records a path, before the key is made.
func (l *keyList) add(h *Host, path string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.load(); err != nil {
		return err
	}
	path = filepath.Clean(path)
	if l.paths[path] {
		return nil
	}
	all := map[string]bool{path: true}
	for p := range l.paths {
		all[p] = true
	}
	b, err := json.MarshalIndent(sorted(all), "", "  ")
	if err != nil {
		return err
	}
	if err := h.writeState(l.path, append(b, '\n')); err != nil {
		return fmt.Errorf("record the key's path: %w", err)
	}
	l.paths, l.loaded, l.stamp = all, false, stamp{}
	return nil
}

// beginBase64 is the start of a PEM block in base64, as kubeconfigs contain
// it.
var beginBase64 = []byte("LS0tLS1CRUdJTi")

// isSecret reports whether data contains a private key: PEM, PEM in base64,
// or DER.
func isSecret(data []byte) bool {
	if keys.IsPrivate(data) {
		return true
	}
	for rest := data; ; {
		_, after, ok := bytes.Cut(rest, beginBase64)
		if !ok {
			break
		}
		// The label ends within 48 bytes: 4 more than the longest one has.
		head := append(bytes.Clone(beginBase64), after[:min(len(after), 50)]...)
		head = head[:len(head)/4*4]
		text := make([]byte, base64.StdEncoding.DecodedLen(len(head)))
		n, _ := base64.StdEncoding.Decode(text, head) // what comes before an invalid byte is enough
		if bytes.Contains(text[:n], []byte("PRIVATE KEY")) {
			return true
		}
		rest = after
	}
	return len(data) > 0 && data[0] == 0x30 && isDERKey(data)
}

func isDERKey(data []byte) bool {
	if _, err := x509.ParsePKCS8PrivateKey(data); err == nil {
		return true
	}
	if _, err := x509.ParseECPrivateKey(data); err == nil {
		return true
	}
	_, err := x509.ParsePKCS1PrivateKey(data)
	return err == nil
}
