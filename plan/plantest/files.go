package plantest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/spec"
)

// Images are the images of a cluster by the keys that a spec has for them.
var Images = map[string]string{"pause": "registry.k8s.io/pause:3.10.2", "coredns": "registry.k8s.io/coredns/coredns:v1.14.7"}

// Components returns the names of all programs of a cluster.
func Components() []string {
	return new(spec.Cluster).ComponentsOf(&spec.Host{Roles: []spec.Role{spec.ControlPlane, spec.Etcd, spec.Worker}})
}

func program(name string, lines int) []byte {
	return []byte("\x7fELF " + name + strings.Repeat("\n", lines))
}

// Image returns the smallest archive of an image.
func Image(name string) []byte {
	manifest := fmt.Appendf(nil, `[{"RepoTags":[%q]}]`, name)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "manifest.json", Mode: 0o644, Size: int64(len(manifest))})
	_, _ = w.Write(manifest)
	_ = w.Close() // a buffer takes all
	return b.Bytes()
}

// write writes a file and returns its SHA-256.
func write(t testing.TB, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
