package components

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// A Set is all components and images on this machine, in the form of
// components.json.
type Set struct {
	Components map[string]Component `json:"components"` // by name of the program
	Images     map[string]Image     `json:"images"`
}

// A Component is one program.
type Component struct {
	Version string `json:"version"` // without a leading v
	Source  string `json:"source"`  // absolute path
	SHA256  string `json:"sha256"`
}

// An Image is an OCI archive.
type Image struct {
	Name   string `json:"name"`
	Source string `json:"source"` // absolute path
	SHA256 string `json:"sha256"`
}

// ErrNotCached is the error of Cached for a component that only Get can get.
var ErrNotCached = errors.New("components are not in the cache")

// Get returns all components and images. What is missing in the cache folder
// dir is downloaded or built, and reported to out. The repository at root has
// the go.mod files and our own programs.
func Get(ctx context.Context, root, dir string, out io.Writer) (Set, error) {
	s := store{root: root, dir: dir, out: out, client: http.DefaultClient, silent: make(map[string]bool)}
	l, err := s.lock(ctx)
	if err != nil {
		return Set{}, err
	}
	set, err := s.set(recipes(), images(),
		func(r recipe) (folder, error) { return s.recipe(ctx, r) },
		func(im image, key, program string) (folder, error) { return s.image(ctx, im, key, program) })
	return set, errors.Join(err, l.Unlock())
}

// Cached returns the same as Get if everything is in the cache. Otherwise the
// error is ErrNotCached.
func Cached(root, dir string) (Set, error) {
	s := store{root: root, dir: dir}
	set, err := s.set(recipes(), images(),
		func(r recipe) (folder, error) {
			key, err := r.key(root)
			if err != nil {
				return folder{}, err
			}
			return s.find(key)
		},
		func(_ image, key, _ string) (folder, error) { return s.find(key) })
	if errors.Is(err, os.ErrNotExist) {
		return Set{}, errors.Join(ErrNotCached, err)
	}
	return set, err
}

// set gathers all recipes and images from findRecipe and findImage.
func (s store) set(recipes []recipe, images []image, findRecipe func(recipe) (folder, error), findImage func(im image, key, program string) (folder, error)) (Set, error) {
	set := Set{Components: make(map[string]Component), Images: make(map[string]Image)}
	folders := make(map[string]folder)
	for _, r := range recipes {
		f, err := findRecipe(r)
		if err != nil {
			return Set{}, err
		}
		folders[r.name] = f
		for _, name := range r.names() {
			set.Components[name] = Component{r.version, filepath.Join(f.path, name), f.sha256[name]}
		}
	}
	for _, im := range images {
		var program string
		if im.recipe != "" {
			program = filepath.Join(folders[im.recipe].path, im.entry)
		}
		key, err := im.cacheKey(s.root, folders[im.recipe].sha256[im.entry])
		if err != nil {
			return Set{}, err
		}
		f, err := findImage(im, key, program)
		if err != nil {
			return Set{}, err
		}
		set.Images[im.key] = Image{im.name, filepath.Join(f.path, im.file()), f.sha256[im.file()]}
	}
	return set, nil
}

// Publish writes the set to examples/lab/components.json, and links kubectl
// into .lab/bin of the repository at root.
func (set Set) Publish(root string) error {
	bin := filepath.Join(root, ".lab", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	link := filepath.Join(bin, "kubectl")
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(set.Components["kubectl"].Source, link); err != nil {
		return err
	}
	file := filepath.Join(root, "examples", "lab", "components.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := writeJSON(file, set); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}
