package sshhost

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"
)

// An executable is what is copied as the agent: this program, and its
// siblings pmkctl-linux-ARCH for hosts of other platforms. Hashing 20 MB
// takes 15 ms, so it is done once in a process, while dialling, and is not
// cached on disk.
type executable struct {
	path     string
	siblings []string
	id       func() (string, error)

	mu     sync.Mutex
	packed map[string]func() (*packed, error)
}

// packed is a compressed file.
type packed struct {
	sha256 string // of the file before compression
	gzip   []byte
}

type fileID struct {
	path    string
	size    int64
	changed time.Time
}

var executables sync.Map // fileID -> *executable

func findExecutable(path string) (*executable, error) {
	var err error
	if path == "" {
		if path, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program's file: %w", err)
		}
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("find this program's file: %w", err)
	}
	e := &executable{path: path, packed: map[string]func() (*packed, error){}}
	e.siblings, _ = filepath.Glob(filepath.Join(filepath.Dir(path), "pmkctl-linux-*"))
	slices.Sort(e.siblings)
	e.id = sync.OnceValues(e.hash)
	have, _ := executables.LoadOrStore(fileID{path, st.Size(), st.ModTime()}, e)
	return have.(*executable), nil
}

// hash returns the id that names the agent's directory on hosts: the SHA-256
// of the executable, or one over the digests of it and its siblings. So the
// id is the same for hosts of all platforms, and is known before the host's
// platform is.
func (e *executable) hash() (string, error) {
	sum, err := hashFile(e.path)
	if err != nil || len(e.siblings) == 0 {
		return sum, err
	}
	all := sha256.New()
	fmt.Fprintln(all, sum)
	for _, s := range e.siblings {
		if sum, err = hashFile(s); err != nil {
			return "", err
		}
		fmt.Fprintln(all, filepath.Base(s), sum)
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hash %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// forHost returns the executable for a host, by the output of `uname -sm`.
func (e *executable) forHost(system, machine string) (*packed, error) {
	arch, ok := map[string]string{
		"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64",
		"ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64",
	}[machine]
	if system != "Linux" || !ok {
		return nil, fmt.Errorf("the host is %s on %s; pmkctl installs on Linux, on amd64 and arm64", system, machine)
	}
	path := e.path
	if runtime.GOOS != "linux" || runtime.GOARCH != arch {
		path = filepath.Join(filepath.Dir(e.path), "pmkctl-linux-"+arch)
	}
	e.mu.Lock()
	pack := e.packed[path]
	if pack == nil {
		pack = sync.OnceValues(func() (*packed, error) { return packFile(path) })
		e.packed[path] = pack
	}
	e.mu.Unlock()
	p, err := pack()
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("the host is linux/%s and there is no %s: put the release's file of that name there, or build it with `GOOS=linux GOARCH=%s go build -o %s ./cmd/pmkctl`", arch, path, arch, path)
	}
	return p, err
}

func packFile(path string) (*packed, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return &packed{sha256: hex.EncodeToString(sum[:]), gzip: b.Bytes()}, nil
}
