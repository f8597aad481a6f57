// Package upstream reads the goldens of the configurations and objects that modules
// make, with the types of the programs that read them: a misspelt or misplaced
// field is an error here. It is a Go module of its own, to keep these types out
// of pmkctl's dependencies.
package upstream

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"
)

// types are the Go types of files, by kind.
var types = map[string]func() any{
	"ClusterRole":            func() any { return new(rbac.ClusterRole) },
	"ClusterRoleBinding":     func() any { return new(rbac.ClusterRoleBinding) },
	"ConfigMap":              func() any { return new(core.ConfigMap) },
	"Deployment":             func() any { return new(apps.Deployment) },
	"KubeProxyConfiguration": func() any { return new(kubeproxy.KubeProxyConfiguration) },
	"KubeletConfiguration":   func() any { return new(kubelet.KubeletConfiguration) },
	"PodDisruptionBudget":    func() any { return new(policy.PodDisruptionBudget) },
	"Service":                func() any { return new(core.Service) },
	"ServiceAccount":         func() any { return new(core.ServiceAccount) },
}

func TestDecodes(t *testing.T) {
	for _, module := range []string{"kubelet", "kubeproxy", "object"} {
		archives, err := filepath.Glob("../" + module + "/testdata/golden/*.txtar")
		if err != nil || len(archives) == 0 {
			t.Fatalf("goldens of %s: got %v, %v", module, archives, err)
		}
		for _, p := range archives {
			t.Run(module+"/"+filepath.Base(p), func(t *testing.T) { decodes(t, p) })
		}
	}
}

func decodes(t *testing.T, archive string) {
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, f := range a.Files {
		if strings.HasPrefix(f.Name, "/etc/systemd/") {
			continue
		}
		var meta struct{ Kind string }
		if err := yaml.Unmarshal(f.Data, &meta); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		makeType := types[meta.Kind]
		if makeType == nil {
			t.Fatalf("%s: no type for kind %q", f.Name, meta.Kind)
		}
		if err := yaml.UnmarshalStrict(f.Data, makeType()); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		read++
	}
	if read == 0 {
		t.Error("nothing to read")
	}
}
