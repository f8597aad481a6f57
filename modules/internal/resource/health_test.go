package resource

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pmkctl/pmkctl/host"
)

func TestSecure(t *testing.T) {
	tests := []struct {
		name, address, port, want string
	}{
		{"own", "127.0.0.1", "10257", "https://127.0.0.1:10257/healthz"},
		{"everywhere", "0.0.0.0", "10257", "https://127.0.0.1:10257/healthz"},
		{"one address", "2001:db8::1", "1", "https://[2001:db8::1]:1/healthz"},
	}
	for _, tt := range tests {
		if got := Secure(map[string]string{"bind-address": tt.address, "secure-port": tt.port}, "/healthz", "ca").URL; got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// answers returns its responses one after another, and repeats the last.
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

func TestHealthy(t *testing.T) {
	bad := host.KubeResponse{Status: 500, Body: []byte("[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n")}
	tests := []struct {
		name string
		h    *answers
		want string
	}{
		{"comes up", &answers{list: []host.KubeResponse{bad, {Status: 200}}}, ""},
		{"never", &answers{list: []host.KubeResponse{bad}}, "wait 1m30s for x to be healthy: https://a/readyz answers 500: [-]etcd failed: reason withheld"},
		{"lost", &answers{list: []host.KubeResponse{{}}, err: host.ErrLost}, host.ErrLost.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := Healthy("x", host.GetRequest{URL: "https://a/readyz"})(context.Background(), tt.h)
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
