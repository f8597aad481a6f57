package hosttest

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sort"

	"github.com/pmkctl/pmkctl/host"
)

// Images implements host.Reader.
func (h *Host) Images(ctx context.Context) ([]string, error) {
	var names []string
	err := h.read(ctx, "Images", "", func() error {
		if !h.runs("containerd") {
			return fmt.Errorf("dial /run/containerd/containerd.sock: %w", host.ErrUnavailable)
		}
		for name := range h.images {
			names = append(names, name)
		}
		sort.Strings(names)
		return nil
	})
	return names, err
}

// ImportImage implements host.Writer. The names come from the archive's
// index.json or manifest.json, or from ImageArchive.
func (h *Host) ImportImage(ctx context.Context, p string) error {
	return h.change(ctx, "ImportImage", p, func() error {
		if !h.runs("containerd") {
			return fmt.Errorf("dial /run/containerd/containerd.sock: %w", host.ErrUnavailable)
		}
		archive, err := h.content(p)
		if err != nil {
			return err
		}
		names := h.archives[digest(archive)]
		if names == nil {
			if names, err = imageNames(archive); err != nil {
				return fmt.Errorf("import %s: %w", p, err)
			}
		}
		for _, name := range names {
			h.images[name] = true
		}
		return nil
	})
}

// ImageArchive sets the images in an archive, by its SHA-256, for archives
// that are not real ones.
func (h *Host) ImageArchive(sha256 string, names ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.archives[sha256] = names
}

// RemoveImages removes all images from containerd.
func (h *Host) RemoveImages() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.images = map[string]bool{}
}

// imageNames reads the names of the images in an OCI or Docker archive.
func imageNames(archive []byte) ([]string, error) {
	var index struct {
		Manifests []struct{ Annotations map[string]string }
	}
	var manifest []struct{ RepoTags []string }
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("unrecognized image format: %w", err)
		}
		switch header.Name {
		case "index.json":
			err = json.NewDecoder(r).Decode(&index)
		case "manifest.json":
			err = json.NewDecoder(r).Decode(&manifest)
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", header.Name, err)
		}
	}
	var names []string
	for _, m := range index.Manifests {
		if name := m.Annotations["io.containerd.image.name"]; name != "" {
			names = append(names, name)
		} else if name := m.Annotations["org.opencontainers.image.ref.name"]; name != "" {
			names = append(names, name)
		}
	}
	for _, m := range manifest {
		names = append(names, m.RepoTags...)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("unrecognized image format: no image has a name")
	}
	return names, nil
}
