package kubeproxy

import (
	"testing"

	"github.com/pmkctl/pmkctl/modules/internal/golden"
)

func plainModule() Module {
	return Module{Node: "worker-1", PodCIDR: "10.244.0.0/16", Mode: "nftables"}
}

// labModule is what the lab's hosts need: conntrack settings are the
// machine's there.
func labModule() Module {
	return Module{Node: "worker-1", PodCIDR: "10.244.0.0/16",
		Config:       map[string]any{"conntrack": map[string]any{"maxPerCore": 0.0, "min": 0.0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}},
		FeatureGates: map[string]bool{"ContextualLogging": true}, Flags: map[string]string{"v": "2"}}
}

func TestFiles(t *testing.T) {
	for name, m := range map[string]Module{"plain": plainModule(), "lab": labModule()} {
		t.Run(name, func(t *testing.T) {
			s, err := m.service()
			if err != nil {
				t.Fatal(err)
			}
			golden.Files(t, "testdata/golden/"+name+".txtar", s.Wanted())
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
