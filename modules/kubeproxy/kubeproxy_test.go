package kubeproxy

import (
	"testing"

	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func plain() Proxy {
	return Proxy{Node: "worker-1", PodCIDR: "10.244.0.0/16", Mode: "nftables"}
}

// lab returns the kube-proxy of a host of the lab, where conntrack settings belong
// to the machine.
func lab() Proxy {
	return Proxy{Node: "worker-1", PodCIDR: "10.244.0.0/16",
		Settings: modules.Settings{
			Config:       map[string]any{"conntrack": map[string]any{"maxPerCore": 0.0, "min": 0.0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}},
			FeatureGates: map[string]bool{"ContextualLogging": true}, Flags: map[string]string{"v": "2"},
		}}
}

func TestFiles(t *testing.T) {
	for name, m := range map[string]Proxy{"plain": plain(), "lab": lab()} {
		t.Run(name, func(t *testing.T) {
			moduletest.Files(t, "testdata/golden/"+name+".txtar", hosttest.New("worker-1"), New(m))
		})
	}
}

func TestHealthURL(t *testing.T) {
	tests := []struct{ name, bind, want string }{
		{"default", "", "http://127.0.0.1:10256/livez"},
		{"any address", "0.0.0.0:99", "http://127.0.0.1:99/livez"},
		{"one address", "192.0.2.1:99", "http://192.0.2.1:99/livez"},
		{"without port", "192.0.2.1", "http://192.0.2.1:10256/livez"},
		{"IPv6", "[::]:99", "http://127.0.0.1:99/livez"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := healthURL(map[string]any{"healthzBindAddress": tt.bind}); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
