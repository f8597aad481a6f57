package agent_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/agent"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
)

// A read-only agent lists etcd's members, and removes none.
func TestEtcd(t *testing.T) {
	fake := hosttest.New("cp-1", hosttest.WithService("etcd"), hosttest.WithFile("/etc/ca.crt", "x"), hosttest.WithFile("/etc/c.crt", "x"), hosttest.WithFile("/etc/c.key", "x"))
	s, _ := connect(t, setup{serve: agent.ServeOptions{ReadOnly: true}, wrap: func(host.Host) host.Host { return fake }})
	r := host.EtcdRequest{Endpoints: []string{"https://127.0.0.1:2379"}, CAPath: "/etc/ca.crt", CertPath: "/etc/c.crt", KeyPath: "/etc/c.key"}
	want, err := fake.EtcdMembers(t.Context(), r)
	if err != nil || len(want) != 1 {
		t.Fatal(want, err)
	}
	got, err := s.EtcdMembers(t.Context(), r)
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if err := s.EtcdRemove(t.Context(), r, want[0].ID); !errors.Is(err, host.ErrReadOnly) {
		t.Errorf("got %v, want %v", err, host.ErrReadOnly)
	}
	if _, err := s.EtcdMembers(t.Context(), host.EtcdRequest{Endpoints: []string{"https://127.0.0.1:1"}, CAPath: "/etc/ca.crt", CertPath: "/etc/c.crt", KeyPath: "/etc/c.key"}); !errors.Is(err, host.ErrUnavailable) {
		t.Errorf("of nobody: got %v", err)
	}
}
