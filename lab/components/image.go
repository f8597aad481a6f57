package components

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// An image is a container image with one static program in it.
type image struct {
	key    string // name in components.json
	name   string // full name with tag
	entry  string // file of the program in /
	source string // our own Go package that builds it, or
	recipe string // the recipe that makes it
}

func (im image) file() string { return im.key + ".tar" }

// cacheKey returns the name of the image's folder in the cache. It depends on
// the source of our own program, or on the key of the recipe.
func (im image) cacheKey(root, recipeKey string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "oci 1 %+v %s %s\n", im, recipeKey, arch)
	if im.source != "" {
		if err := hashSource(h, filepath.Join(root, im.source)); err != nil {
			return "", fmt.Errorf("read the source of image %s: %w", im.name, err)
		}
	}
	return fmt.Sprintf("image-%s-%.6x", im.key, h.Sum(nil)), nil
}

func hashSource(h io.Writer, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if _, err := h.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// build writes the image's archive into dst. program is the file of a recipe;
// it is empty if the image builds its own.
func (im image) build(ctx context.Context, root, program, dst string) error {
	if program == "" {
		program = filepath.Join(dst, im.entry)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, "./"+im.source)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		if err := run(cmd); err != nil {
			return fmt.Errorf("build image %s: %w", im.name, err)
		}
		defer os.Remove(program)
	}
	return writeOCI(filepath.Join(dst, im.file()), im.name, im.entry, program)
}
