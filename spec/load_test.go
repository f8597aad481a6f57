package spec

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
)

// render returns diagnostics as a user sees them.
func render(t *testing.T, files map[string]*hcl.File, diags hcl.Diagnostics) string {
	t.Helper()
	var b bytes.Buffer
	if err := hcl.NewDiagnosticTextWriter(&b, files, 100, false).WriteDiagnostics(diags); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

const labHosts = `[
  {"name": "cp-1", "container": "pmk-lab-cp-1", "ssh_address": "127.0.0.1", "ssh_port": 2201, "user": "ops", "become": "password", "address": "192.0.2.11"},
  {"name": "worker-1", "container": "pmk-lab-worker-1", "ssh_address": "127.0.0.1", "ssh_port": 2202, "user": "root", "become": "none", "address": "192.0.2.12"},
  {"name": "worker-2", "container": "pmk-lab-worker-2", "ssh_address": "127.0.0.1", "ssh_port": 2203, "user": "ops", "become": "nopasswd", "address": "192.0.2.13"}
]`

// labParts returns a components.json with invented digests.
func labParts(t *testing.T) string {
	t.Helper()
	type part map[string]string
	components, images := map[string]part{}, map[string]part{}
	for _, name := range append(AllComponents(), "coredns") {
		components[name] = part{"version": "v1.36.3", "source": "/cache/" + name, "sha256": strings.Repeat("a1", 32)}
	}
	for _, key := range imageKeys {
		images[key] = part{"name": "registry.k8s.io/" + key + ":1", "source": "/cache/" + key + ".tar", "sha256": strings.Repeat("b2", 32)}
	}
	components["containerd"]["version"] = "2.3.7"
	b, err := json.Marshal(map[string]any{"components": components, "images": images})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// lab returns a copy of examples/lab in the state after lab-up.
func lab(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "examples", "lab")
	b, err := os.ReadFile("../examples/lab/cluster.hcl")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cluster.hcl"), string(b))
	write(t, filepath.Join(dir, "hosts.json"), labHosts)
	write(t, filepath.Join(dir, "components.json"), labParts(t))
	write(t, filepath.Join(dir, "lab.auto.hclvars"), `become_password = "hush-hush-7"`+"\n")
	return dir
}

func mustLoad(t *testing.T, dir string, opts Options) *Cluster {
	t.Helper()
	c, files, diags := Load(dir, opts)
	if len(diags) > 0 {
		t.Fatal(render(t, files, diags))
	}
	return c
}

func TestLoadLab(t *testing.T) {
	dir := lab(t)
	c := mustLoad(t, dir, Options{})
	if len(c.Hosts) != 3 || c.Hosts[0].Name != "cp-1" || !c.Hosts[0].Has(ControlPlane) || c.Hosts[2].Has(Etcd) {
		t.Errorf("hosts %+v", c.Hosts)
	}
	s := c.Hosts[0].SSH
	if s.BecomePassword.Reveal() != "hush-hush-7" || !s.Become || s.Port != 2201 || s.IdentityFile != filepath.Join(dir, "../../.lab/id_ed25519") {
		t.Errorf("ssh of cp-1: %+v, password fits: %v", s, s.BecomePassword.Reveal() == "hush-hush-7")
	}
	if s := c.Hosts[1].SSH; s.Become || s.BecomePassword.Reveal() != "" {
		t.Errorf("ssh of worker-1: %+v", s)
	}
	if got := c.Settings.KubeProxy.Config["conntrack"].(map[string]any)["maxPerCore"]; got != int64(0) {
		t.Errorf("maxPerCore %T %v", got, got)
	}
	if c.API.Endpoint != "192.0.2.11" || c.Network.Port != 8285 || len(c.Images) != 2 || len(c.Components) != len(AllComponents())-1 {
		t.Errorf("cluster %+v", c)
	}
}
