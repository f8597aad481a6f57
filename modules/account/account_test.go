package account

import (
	"context"
	"testing"

	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

var all = []string{"kubelet", "etcd", "kube-apiserver"}

func TestConverges(t *testing.T) { moduletest.Converges(t, For(all)) }

// A worker has no users of its own.
func TestWorker(t *testing.T) {
	d, err := For([]string{"kubelet"}).Check(context.Background(), hosttest.New("worker-1"))
	if err != nil || len(d) != 2 || d[0].Item != "/etc/kubernetes" || d[1].Item != "/etc/kubernetes/pki" {
		t.Errorf("got %v, %v", d, err)
	}
}

func TestSysusers(t *testing.T) {
	want := "# Written by pmkctl.\nu etcd - \"etcd\" / /usr/sbin/nologin\nu kube - \"Kubernetes control plane\" / /usr/sbin/nologin\n"
	if got := sysusers(For(all).Users); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
