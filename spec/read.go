package spec

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Endings of the files in the folder of a spec.
const (
	specSuffix    = ".hcl"
	autoVarSuffix = ".auto.hclvars"
)

var errTooLarge = errors.New("is larger than 1 MiB")

// Files returns the files of a spec: all *.hcl of a folder, sorted by name, or
// the one file.
func Files(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	return glob(path, specSuffix)
}

// glob returns the files of a folder with an ending, without hidden ones.
func glob(dir, suffix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) && !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, nil
}

// Dir returns the folder of a spec, where its relative paths start.
func Dir(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path
	}
	return filepath.Dir(path)
}

// readSpec reads a regular file of the spec. Devices and pipes are refused,
// because they may never end.
func readSpec(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return readFile(path)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLimited(f)
}

func readLimited(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err == nil && len(b) > maxFileBytes {
		err = errTooLarge
	}
	return b, err
}

// readInside reads a file for file(). Links are followed only within dir.
func readInside(dir, name string) (string, error) {
	if filepath.IsAbs(name) {
		return "", fmt.Errorf("%q is an absolute path; files are read from the spec's folder", name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	return readRoot(root, name)
}

func readRoot(root *os.Root, name string) (string, error) {
	info, err := root.Stat(name)
	if err != nil {
		return "", inside(name, err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%q is not a regular file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return "", inside(name, err)
	}
	defer f.Close()
	b, err := readLimited(f)
	switch {
	case err != nil:
		return "", fmt.Errorf("%q %w", name, err)
	case !utf8.Valid(b):
		return "", fmt.Errorf("%q is not UTF-8 text", name)
	}
	return string(b), nil
}

// inside rewords errors of os.Root without paths of this machine.
func inside(name string, err error) error {
	var pe *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return missing(name)
	case errors.As(err, &pe):
		return fmt.Errorf("%q: %w; files are read from the spec's folder only", name, pe.Err)
	}
	return err
}

// missing is the error for a file that does not exist; the value is its name.
type missing string

func (m missing) Error() string {
	return fmt.Sprintf("there is no file %q in the spec's folder", string(m))
}
func (m missing) Is(e error) bool { return e == fs.ErrNotExist }
