package controlplane

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/host"
)

func TestArgs(t *testing.T) {
	own := map[string]string{"b": "1", "a": "1"}
	tests := []struct {
		name  string
		extra map[string]string
		gates map[string]bool
		want  []string
	}{
		{"own", nil, nil, []string{"--a=1", "--b=1"}},
		{"over ours", map[string]string{"b": "2", "c": "3"}, nil, []string{"--a=1", "--b=2", "--c=3"}},
		{"gates", nil, map[string]bool{"Y": false, "X": true}, []string{"--a=1", "--b=1", "--feature-gates=X=true,Y=false"}},
		{"gates beside a flag", map[string]string{"feature-gates": "W=true"}, map[string]bool{"X": true}, []string{"--a=1", "--b=1", "--feature-gates=W=true,X=true"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Args(own, tt.extra, tt.gates)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if len(own) != 2 || own["b"] != "1" {
		t.Error("Args changed its argument")
	}
}

func TestHealth(t *testing.T) {
	own := map[string]string{"bind-address": "127.0.0.1", "secure-port": "10257"}
	tests := []struct {
		name  string
		extra map[string]string
		want  string
	}{
		{"own", nil, "https://127.0.0.1:10257/healthz"},
		{"everywhere", map[string]string{"bind-address": "0.0.0.0"}, "https://127.0.0.1:10257/healthz"},
		{"one address", map[string]string{"bind-address": "2001:db8::1", "secure-port": "1"}, "https://[2001:db8::1]:1/healthz"},
	}
	for _, tt := range tests {
		if got := Health(own, tt.extra, "/healthz", "ca").URL; got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// answers gives its responses one after another, the last for ever.
type answers struct {
	host.Host
	list []host.KubeResponse
	err  error
}

func (a *answers) Get(context.Context, host.GetRequest) (host.KubeResponse, error) {
	r := a.list[0]
	if len(a.list) > 1 {
		a.list = a.list[1:]
	}
	return r, a.err
}

func TestReady(t *testing.T) {
	bad := host.KubeResponse{Status: 500, Body: []byte("[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n")}
	tests := []struct {
		name string
		h    *answers
		want string
	}{
		{"comes up", &answers{list: []host.KubeResponse{bad, {Status: 200}}}, ""},
		{"never", &answers{list: []host.KubeResponse{bad}}, "wait 1m30s for x to be healthy at https://a/readyz: status 500: [-]etcd failed: reason withheld"},
		{"lost", &answers{list: []host.KubeResponse{{}}, err: host.ErrLost}, host.ErrLost.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := Ready("x", host.GetRequest{URL: "https://a/readyz"})(context.Background(), tt.h)
				if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				if tt.h.err != nil && !errors.Is(err, tt.h.err) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}
