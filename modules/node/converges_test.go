package node

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func TestConverges(t *testing.T) {
	running := moduletest.Prepare(func(h *hosttest.Host) { hosttest.WithService("kube-apiserver", "kubelet", "flanneld")(h) })
	build := func(h *hosttest.Host) modules.Module {
		m := controlPlaneModule()
		m.Name = h.Name()
		return m
	}
	t.Run("bare", func(t *testing.T) { moduletest.ConvergesOn(t, build, running) })
	t.Run("other labels", func(t *testing.T) {
		before := Module{Name: "host-1", Labels: map[string]string{"zone": "b", "gone": "x"}, Taints: []Taint{{"gone", "x", "NoExecute"}}}
		moduletest.ConvergesOn(t, build, running, moduletest.Before(before))
	})
	t.Run("by a control-plane host", func(t *testing.T) {
		moduletest.ConvergesOn(t, func(h *hosttest.Host) modules.Module {
			hosttest.NewCluster(h, hosttest.New("worker-1", hosttest.WithService("kubelet", "flanneld")))
			return Module{Name: "worker-1", Labels: map[string]string{"zone": "a"}, API: h}
		}, moduletest.Prepare(func(h *hosttest.Host) { hosttest.WithService("kube-apiserver")(h) }))
	})
}

func TestCheck(t *testing.T) {
	m := Module{Name: "cp-1", Labels: map[string]string{"zone": "a"}, APIServer: address.MustParse("kube-apiserver.cp-1"), Kubelet: address.MustParse("kubelet.cp-1")}
	tests := []struct {
		name     string
		services []string
		until    string
		item     string // of the last change
		why      string
	}{
		{"no API server", nil, "kube-apiserver.cp-1", "node/cp-1", ""},
		{"no kubelet", []string{"kube-apiserver"}, "kubelet.cp-1", "node/cp-1", ""},
		{"no network", []string{"kube-apiserver", "kubelet"}, "", "node/cp-1", "KubeletNotReady: container runtime network not ready"},
		{"ready", []string{"kube-apiserver", "kubelet", "flanneld"}, "", "node/cp-1 label zone", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := m.Check(t.Context(), hosttest.New("cp-1", hosttest.WithService(tt.services...)))
			if err != nil {
				t.Fatal(err)
			}
			c := d[len(d)-1]
			if address.Join(d.Until(), " ") != tt.until || c.Item != tt.item || !strings.HasPrefix(c.Why, tt.why) {
				t.Errorf("got %+v", d)
			}
		})
	}
}

// TestNotReady: if a Node does not become Ready, the error has the reason.
func TestNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hosttest.New("cp-1", hosttest.WithService("kube-apiserver", "kubelet"))
		m := Module{Name: "cp-1", Labels: map[string]string{"zone": "a"}}
		d, err := m.Check(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		err = m.Apply(t.Context(), h, d)
		if err == nil || !strings.Contains(err.Error(), "node cp-1 to be Ready: KubeletNotReady: container runtime network") {
			t.Errorf("got %v", err)
		}
	})
}
