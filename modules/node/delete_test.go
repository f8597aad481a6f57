package node

import (
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host/hosttest"
)

func TestDelete(t *testing.T) {
	h := hosttest.New("cp-1", hosttest.WithService("kube-apiserver"))
	worker := hosttest.New("worker-1", hosttest.WithService("kubelet", "flanneld"))
	hosttest.NewCluster(h, worker)
	worker.PowerOff()
	m := Delete{Name: "worker-1", Dead: true, APIServer: address.MustParse("kube-apiserver.cp-1")}
	d, err := m.Check(t.Context(), h)
	if err != nil || d.Action() != change.Remove {
		t.Fatalf("got %v, %v", d, err)
	}
	for range 2 {
		if err := m.Apply(t.Context(), h, d); err != nil {
			t.Fatal(err)
		}
	}
	if d, err := m.Check(t.Context(), h); err != nil || len(d) > 0 {
		t.Errorf("afterwards: got %v, %v", d, err)
	}
	d, err = m.Check(t.Context(), hosttest.New("bare"))
	if err != nil || len(d) != 1 || d[0].Until != m.APIServer || d.Action() != change.Remove {
		t.Errorf("while the API server is down: got %v, %v", d, err)
	}
}
