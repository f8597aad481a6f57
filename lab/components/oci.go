package components

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// A blob is a part of an OCI archive. The fields except the content are written
// into descriptors that refer to it.
type blob struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	content     []byte
}

func newBlob(mediaType string, content []byte) blob {
	sum := sha256.Sum256(content)
	return blob{
		MediaType: mediaType,
		Digest:    "sha256:" + hex.EncodeToString(sum[:]),
		Size:      int64(len(content)),
		content:   content,
	}
}

// writeOCI writes an OCI archive of an image that has one program at /ENTRY and
// runs it. The same input always gives the same bytes: no time, owner or
// compression is in it.
func writeOCI(file, name, entry, program string) error {
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	layerTar, err := tarOf(tarFile{entry, 0o755, content})
	if err != nil {
		return err
	}
	layer := newBlob("application/vnd.oci.image.layer.v1.tar", layerTar)
	config, err := jsonBlob("application/vnd.oci.image.config.v1+json", configOf(entry, layer))
	if err != nil {
		return err
	}
	manifest, err := jsonBlob("application/vnd.oci.image.manifest.v1+json", map[string]any{
		"schemaVersion": 2,
		"mediaType":     "application/vnd.oci.image.manifest.v1+json",
		"config":        config,
		"layers":        []blob{layer},
	})
	if err != nil {
		return err
	}
	manifest.Annotations = map[string]string{"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
	return writeArchive(file, manifest, config, layer)
}

// configOf returns the configuration of an image with one layer.
func configOf(entry string, layer blob) map[string]any {
	return map[string]any{
		"architecture": arch,
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": []string{"/" + entry}, "WorkingDir": "/"},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{layer.Digest}},
	}
}

func jsonBlob(mediaType string, v any) (blob, error) {
	b, err := json.Marshal(v)
	return newBlob(mediaType, b), err
}

// writeArchive writes an OCI layout of one manifest and its blobs.
func writeArchive(file string, manifest blob, blobs ...blob) error {
	index, err := json.Marshal(map[string]any{
		"schemaVersion": 2,
		"mediaType":     "application/vnd.oci.image.index.v1+json",
		"manifests":     []blob{manifest},
	})
	if err != nil {
		return err
	}
	files := []tarFile{
		{"oci-layout", 0o644, []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{"index.json", 0o644, index},
	}
	for _, b := range append(blobs, manifest) {
		files = append(files, tarFile{"blobs/sha256/" + b.Digest[len("sha256:"):], 0o644, b.content})
	}
	archive, err := tarOf(files...)
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return os.WriteFile(file, archive, 0o644)
}

// A tarFile is a regular file owned by root.
type tarFile struct {
	name    string
	mode    int64
	content []byte
}

func tarOf(files ...tarFile) ([]byte, error) {
	var buf bytes.Buffer
	t := tar.NewWriter(&buf)
	var errs []error
	for _, f := range files {
		errs = append(errs, t.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), Typeflag: tar.TypeReg, Format: tar.FormatPAX}))
		_, err := io.Copy(t, bytes.NewReader(f.content))
		errs = append(errs, err)
	}
	err := errors.Join(append(errs, t.Close())...)
	return buf.Bytes(), err
}
