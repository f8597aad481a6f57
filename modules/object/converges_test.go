package object

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func all(t *testing.T, d DNS) Module {
	t.Helper()
	rbac, err := RBAC()
	if err != nil {
		t.Fatal(err)
	}
	coredns, err := CoreDNS(d)
	if err != nil {
		t.Fatal(err)
	}
	return Module{Objects: append(rbac, coredns...), APIServer: address.MustParse("kube-apiserver.cp-1")}
}

var apiServer = moduletest.Prepare(func(h *hosttest.Host) { hosttest.WithService("kube-apiserver")(h) })

func TestConverges(t *testing.T) {
	t.Run("bare", func(t *testing.T) { moduletest.Converges(t, all(t, dns()), apiServer) })
	t.Run("other settings", func(t *testing.T) {
		old := dns()
		old.Image, old.Upstream, old.Replicas = "old:1", []string{"192.0.2.53"}, 1
		moduletest.Converges(t, all(t, dns()), apiServer, moduletest.Before(all(t, old)))
	})
}

// TestRemovesFields: a field that pmkctl has set is removed when it is not wanted any
// more. Fields of others stay.
func TestRemovesFields(t *testing.T) {
	h := hosttest.New("cp-1", hosttest.WithService("kube-apiserver"))
	config := func(keys ...string) Module {
		data := map[string]any{}
		for _, k := range keys {
			data[k] = "x"
		}
		return Module{Objects: []Object{{"apiVersion": "v1", "kind": "ConfigMap",
			"metadata": map[string]any{"name": "c", "namespace": "kube-system"}, "data": data}}}
	}
	apply := func(m Module) change.Diff {
		t.Helper()
		d, err := m.Check(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Apply(t.Context(), h, d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	apply(config("a", "b"))
	const path = "/api/v1/namespaces/kube-system/configmaps/c"
	if _, err := h.Kube(t.Context(), host.KubeRequest{Method: "PATCH", Path: path + "?fieldManager=kubectl",
		ContentType: "application/merge-patch+json", Body: []byte(`{"data":{"theirs":"y"}}`)}); err != nil {
		t.Fatal(err)
	}
	d := apply(config("a"))
	if len(d) != 1 || !strings.Contains(d[0].Why, "data.b") {
		t.Errorf("got %+v, want one change that names data.b", d)
	}
	data := h.Cluster().Object(path)["data"].(map[string]any)
	if len(data) != 2 || data["a"] != "x" || data["theirs"] != "y" {
		t.Errorf("got %v, want a and theirs", data)
	}
	if d := apply(config("a")); len(d) > 0 {
		t.Errorf("got %+v, want nothing", d)
	}
}

func TestUnknownUntil(t *testing.T) {
	m := all(t, dns())
	down := hosttest.New("cp-1", hosttest.WithService("kube-apiserver"))
	if err := down.Admin().Unit(t.Context(), "kube-apiserver.service", host.Stop); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		h    *hosttest.Host
		want change.Action
	}{
		{"bare host", hosttest.New("cp-1"), change.Add},
		{"installed and down", down, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := m.Check(t.Context(), tt.h)
			if err != nil {
				t.Fatal(err)
			}
			if len(d) != len(m.Objects) || len(d.Until()) != 1 || d.Until()[0] != address.MustParse("kube-apiserver.cp-1") || d.Action() != tt.want {
				t.Errorf("got %+v, want %q for all objects, unknown until kube-apiserver.cp-1", d, tt.want)
			}
		})
	}
}

func TestRollout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Rollout{Namespace: "kube-system", Name: "coredns", APIServer: address.MustParse("kube-apiserver.cp-1"), Objects: address.MustParse("dns")}
		until := func(h *hosttest.Host) string {
			d, err := r.Check(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			return address.Join(d.Until(), " ")
		}
		if got := until(hosttest.New("bare")); got != "kube-apiserver.cp-1" {
			t.Errorf("without an API server: got %q", got)
		}
		h := hosttest.New("cp-1", hosttest.WithService("kube-apiserver"))
		if got := until(h); got != "dns" {
			t.Errorf("without the deployment: got %q", got)
		}
		m := all(t, DNS{Image: "x", ClusterIP: netip.MustParseAddr("10.96.0.10"), Domain: "cluster.local"})
		d, err := m.Check(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Apply(t.Context(), h, d); err != nil {
			t.Fatal(err)
		}
		d, err = r.Check(t.Context(), h)
		if err != nil || len(d) != 1 || d[0].Have != "not available" || d[0].Why != "0 of 2 pods are available" {
			t.Errorf("got %+v, %v", d, err)
		}
		err = r.Apply(t.Context(), h, d)
		if err == nil || !strings.Contains(err.Error(), "deployment kube-system/coredns to be available: 0 of 2 pods") {
			t.Errorf("got %v", err)
		}
		// In this fake, pods need only a Ready node.
		hosttest.WithService("kubelet", "flanneld")(h.Admin())
		if err := r.Apply(t.Context(), h, d); err != nil {
			t.Fatal(err)
		}
		if d, err := r.Check(t.Context(), h); err != nil || len(d) > 0 {
			t.Errorf("got %+v, %v, want nothing", d, err)
		}
	})
}
