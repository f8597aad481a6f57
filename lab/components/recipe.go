package components

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A recipe describes how to get the programs of one project.
type recipe struct {
	name     string // also of the folder with its go.mod
	version  string // without a leading v
	programs []program
	cgo      bool   // linked statically nevertheless
	tags     string // Go build tags, comma-separated
	ldflags  string // besides -s -w
	release  release
}

// A program is one executable of a recipe.
type program struct {
	name string // file name on a host
	pkg  string // Go package that builds it
}

// A release is the place where a project publishes the programs of a recipe.
// The zero value means that the project publishes none with a checksum.
type release struct {
	url  string // a tar.gz with all programs; if it contains BINARY or has no suffix, the program itself
	sums string // SHA-256 checksums: one digest, or lines of digest and file name
}

// folder returns the path of the folder with the recipe's go.mod.
func (r recipe) folder(root string) string {
	return filepath.Join(root, "lab", "components", r.name)
}

// key returns the name of the recipe's folder in the cache. It changes with
// each version, flag and requirement.
func (r recipe) key(root string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%+v %s\n", r, arch)
	for _, name := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join(r.folder(root), name))
		if err != nil {
			return "", fmt.Errorf("read requirements of %s: %w", r.name, err)
		}
		h.Write(b)
	}
	return fmt.Sprintf("%s-%s-%.6x", r.name, r.version, h.Sum(nil)), nil
}

// fill replaces the placeholders in text by the recipe's values.
func (r recipe) fill(text, binary string) string {
	return strings.NewReplacer("VERSION", r.version, "ARCH", arch, "BINARY", binary).Replace(text)
}

// names returns the files that the recipe makes.
func (r recipe) names() []string {
	var names []string
	for _, p := range r.programs {
		names = append(names, p.name)
	}
	return names
}
