package kubeconfig

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

var scheduler = File{
	Path: "/etc/kubernetes/kube-scheduler.kubeconfig", Cluster: "demo", User: "system:kube-scheduler", Server: "https://192.0.2.11:6443",
	CA: "/etc/kubernetes/pki/ca.crt", Cert: "/etc/kubernetes/pki/kube-scheduler.crt", Key: "/etc/kubernetes/pki/kube-scheduler.key",
	Owner: "kube", Group: "kube",
}

func TestContent(t *testing.T) {
	want := `apiVersion: v1
clusters:
- cluster:
    certificate-authority: /etc/kubernetes/pki/ca.crt
    server: https://192.0.2.11:6443
  name: demo
contexts:
- context:
    cluster: demo
    user: system:kube-scheduler
  name: demo
current-context: demo
kind: Config
users:
- name: system:kube-scheduler
  user:
    client-certificate: /etc/kubernetes/pki/kube-scheduler.crt
    client-key: /etc/kubernetes/pki/kube-scheduler.key
`
	if diff := cmp.Diff(want, string(scheduler.Content())); diff != "" {
		t.Error(diff)
	}
	other := scheduler
	other.Server = "https://192.0.2.12:6443"
	if scheduler.Digest() == other.Digest() {
		t.Error("another server has the same digest")
	}
}

func TestConverges(t *testing.T) {
	admin := scheduler
	admin.Path, admin.Owner, admin.Group = "/etc/kubernetes/admin.kubeconfig", "", ""
	moduletest.Converges(t, Module{Files: []File{scheduler, admin}},
		moduletest.Prepare(func(h *hosttest.Host) {
			hosttest.WithUsers("kube")(h)
			hosttest.WithDir("/etc/kubernetes")(h)
		}))
}
