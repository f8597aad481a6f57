package flannel

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

// registered makes a host a control plane whose kubelet runs.
func registered(h *hosttest.Host) {
	hosttest.WithService("kube-apiserver", "kubelet")(h)
	hosttest.WithPrograms("flanneld")(h)
	hosttest.WithFile(kubeconfig, "made before\n")(h)
	hosttest.WithDir(cniDir)(h)
}

func TestConverges(t *testing.T) {
	on := func(backend string, port int) func(h *hosttest.Host) modules.Module {
		return func(h *hosttest.Host) modules.Module {
			m := of(backend, port)
			m.Node, m.API = h.Name(), h
			return New(m)
		}
	}
	before := of("vxlan", 8472)
	before.Node = "host-1"
	t.Run("bare", func(t *testing.T) {
		moduletest.ConvergesOn(t, on("udp", 8285), moduletest.Prepare(registered))
	})
	t.Run("other backend", func(t *testing.T) {
		moduletest.ConvergesOn(t, on("udp", 8285), moduletest.Prepare(registered), moduletest.Before(New(before)))
	})
}

// A node without a subnet is an error before flanneld starts.
func TestWaitsForPodCIDR(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hosttest.New("worker-1", hosttest.WithService("kube-apiserver"), hosttest.WithPrograms("flanneld"))
		m := of("udp", 8285)
		m.API = h
		d, err := New(m).Check(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		err = New(m).Apply(t.Context(), h, d)
		if err == nil || !strings.Contains(err.Error(), "pod CIDR of node worker-1") {
			t.Errorf("got %v, want an error that names the pod CIDR", err)
		}
	})
}

// What the former backend made in the kernel is removed before the new one starts.
func TestClearsFormerBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hosttest.New("worker-1", hosttest.WithNetwork(host.Network{
			Links: []host.NetLink{{Name: "lo", Addrs: []string{"127.0.0.1/8"}}, {Name: "eth0", Addrs: []string{"192.0.2.11/24"}}, {Name: "flannel.1"}},
			Routes: []host.NetRoute{
				{Dst: "0.0.0.0/0", Via: "192.0.2.1", Dev: "eth0"},
				{Dst: "10.244.1.0/24", Via: "10.244.1.0", Dev: "flannel.1"},
				{Dst: "10.244.2.0/24", Via: "192.0.2.12", Dev: "eth0"},
			},
		}), hosttest.WithPrograms("flanneld"), hosttest.WithFile(kubeconfig, "x"), hosttest.WithDir(cniDir))
		apply := func(f Flannel) change.Diff {
			m := New(f)
			d, err := m.Check(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Apply(t.Context(), h, d); err != nil {
				t.Fatal(err)
			}
			return d
		}
		apply(of("vxlan", 8472))
		d := apply(of("udp", 8285))
		n, err := h.Network(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(n.Links) != 2 || len(n.Routes) != 1 || n.Routes[0].Via != "192.0.2.1" {
			t.Errorf("left %+v, want lo, eth0 and the default route", n)
		}
		if !slices.ContainsFunc(d, func(c change.Change) bool {
			return c.Action == change.Replace && strings.Contains(c.Why, "interrupted")
		}) {
			t.Errorf("got %v, want a replacement in it", d)
		}
	})
}
