// Package kubeconfig writes the kubeconfig files of a host. They name certificate
// files and do not embed them. So they have no secrets, and a renewed certificate
// does not change them.
package kubeconfig

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"sigs.k8s.io/yaml"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

// File is one kubeconfig.
type File struct {
	Path    string
	Cluster string // name of the cluster
	User    string // name of the user entry: the certificate's common name
	Server  string // https://192.0.2.11:6443
	CA      string // path of the cluster CA's certificate
	Cert    string // path of the client certificate
	Key     string // path of its key
	Owner   string // "" is root
	Group   string // "" is root
	Mode    uint32 // 0 is 0600
}

// Module writes the kubeconfigs of one host.
type Module struct{ Files []File }

// Check compares all files in one call.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	return m.files().Check(ctx, h)
}

// Apply writes the files in d.
func (m Module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	return m.files().Apply(ctx, h, d)
}

// Owns returns all items that the module may change, see modules.Owner.
func (m Module) Owns() []string { return m.files().Owns() }

func (m Module) files() resource.Files {
	var specs []host.FileSpec
	for _, f := range m.Files {
		mode := f.Mode
		if mode == 0 {
			mode = 0o600
		}
		specs = append(specs, host.FileSpec{Path: f.Path, Mode: mode, Owner: f.Owner, Group: f.Group, Content: f.Content()})
	}
	return resource.Files{Dirs: resource.Parents(specs...), Files: specs}
}

// Digest returns an input for services that read the file only at their start.
func (f File) Digest() string {
	sum := sha256.Sum256(f.Content())
	return hex.EncodeToString(sum[:])
}

// Content returns the file's content.
func (f File) Content() []byte {
	type m = map[string]any
	b, err := yaml.Marshal(m{
		"apiVersion":      "v1",
		"kind":            "Config",
		"clusters":        []m{{"name": f.Cluster, "cluster": m{"server": f.Server, "certificate-authority": f.CA}}},
		"users":           []m{{"name": f.User, "user": m{"client-certificate": f.Cert, "client-key": f.Key}}},
		"contexts":        []m{{"name": f.Cluster, "context": m{"cluster": f.Cluster, "user": f.User}}},
		"current-context": f.Cluster,
	})
	if err != nil {
		panic(err) // strings always encode
	}
	return b
}
