package kubelet

import (
	"context"
	"testing"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func plain() Kubelet {
	return Kubelet{Node: "worker-1", IP: "192.0.2.11", ClusterDNS: []string{"10.96.0.10"}, ClusterDomain: "cluster.local"}
}

// lab returns the kubelet of a host of the lab.
func lab() Kubelet {
	m := plain()
	m.Config = map[string]any{"failCgroupV1": false, "failSwapOn": false, "maxPods": 50.0}
	m.FeatureGates = map[string]bool{"KubeletInUserNamespace": true}
	m.Flags = map[string]string{"v": "2"}
	m.Taints = []Taint{{Key: "node-role.kubernetes.io/control-plane", Effect: "NoSchedule"}, {Key: "a", Value: "b", Effect: "NoExecute"}}
	return m
}

func TestFiles(t *testing.T) {
	for name, m := range map[string]Kubelet{"plain": plain(), "lab": lab()} {
		t.Run(name, func(t *testing.T) {
			moduletest.Files(t, "testdata/golden/"+name+".txtar", facts{hosttest.New("worker-1")}, New(m))
		})
	}
}

// facts is a host whose resolv.conf is not at the usual path.
type facts struct{ host.Host }

func (facts) Facts(context.Context) (host.Facts, error) {
	return host.Facts{ResolvConf: "/run/systemd/resolve/resolv.conf"}, nil
}

func TestResolvConf(t *testing.T) {
	const ours = "/run/systemd/resolve/resolv.conf"
	tests := []struct {
		name   string
		config map[string]any
		want   any
	}{
		{"the host's", nil, ours},
		{"the spec's", map[string]any{"resolvConf": "/etc/pods.conf"}, "/etc/pods.conf"},
		{"taken away", map[string]any{"resolvConf": nil}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := plain()
			k.Config = tt.config
			before := k.fields()
			got, err := k.resolvConf(t.Context(), facts{}, before)
			if err != nil || got["resolvConf"] != tt.want {
				t.Errorf("got %v, %v, want %v", got["resolvConf"], err, tt.want)
			}
			if before["resolvConf"] == ours {
				t.Error("resolvConf changed its argument")
			}
		})
	}
}

func TestHealthURL(t *testing.T) {
	tests := []struct {
		name   string
		fields map[string]any
		want   string
	}{
		{"default", nil, "http://127.0.0.1:10248/healthz"},
		{"port", map[string]any{"healthzPort": 10.0}, "http://127.0.0.1:10/healthz"},
		{"off", map[string]any{"healthzPort": 0}, ""},
		{"address", map[string]any{"healthzBindAddress": "192.0.2.1"}, "http://192.0.2.1:10248/healthz"},
		{"any address", map[string]any{"healthzBindAddress": "0.0.0.0"}, "http://127.0.0.1:10248/healthz"},
		{"IPv6", map[string]any{"healthzBindAddress": "::1"}, "http://[::1]:10248/healthz"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := healthURL(tt.fields); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
