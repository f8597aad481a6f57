package oshost

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// digests are the SHA-256 of files that were written here, each with the
// stamp of its file. They only save time: a file without a digest, or with
// another stamp, is hashed.
type digests struct {
	path string

	mu      sync.Mutex
	stamp   stamp
	entries map[string]digest
}

type digest struct {
	stamp
	SHA256 string `json:"SHA256"`
}

// all returns the recorded digests. The map is never changed afterwards.
func (d *digests) all() map[string]digest {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.load()
	return d.entries
}

func (d *digests) load() {
	var st unix.Stat_t
	if err := unix.Stat(d.path, &st); err != nil {
		d.entries, d.stamp = nil, stamp{}
		return
	}
	if d.entries != nil && d.stamp == stampOf(&st) {
		return
	}
	entries := map[string]digest{}
	if b, err := os.ReadFile(d.path); err == nil {
		_ = json.Unmarshal(b, &entries) // a damaged record counts as empty
	}
	d.entries, d.stamp = entries, stampOf(&st)
}

// put records the digest of a file that was just written.
func (d *digests) put(h *Host, path, sum string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.load()
	entries := map[string]digest{}
	for p, e := range maps.All(d.entries) {
		var now unix.Stat_t
		if unix.Lstat(p, &now) == nil && e.stamp == stampOf(&now) {
			entries[p] = e
		}
	}
	entries[filepath.Clean(path)] = digest{stamp: stampOf(&st), SHA256: sum}
	b, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	return h.writeState(d.path, append(b, '\n'))
}
