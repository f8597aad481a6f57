package agent_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/agent"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
)

// A read-only agent passes on the reads that preflight makes.
func TestReads(t *testing.T) {
	chain := host.Chain{Family: "ip", Table: "filter", Name: "FORWARD", Hook: "forward", Policy: "drop"}
	mount := host.Mount{Path: "/run/netns/cni-1", Type: "nsfs", Source: "nsfs"}
	pod := host.PodProcess{PID: 71, Name: "containerd-shim", Shim: true}
	filter := host.Filter{Kind: "nftables", Family: "ip", Table: "kube-proxy", Chains: 4, Whole: true}
	fake := hosttest.New("worker-1", hosttest.WithMounts(mount), hosttest.WithPods(pod), hosttest.WithFilters(filter),
		hosttest.WithFsync(time.Millisecond, 3*time.Millisecond), hosttest.WithFirewall(chain),
		hosttest.WithName("api.example.com", "192.0.2.1"), hosttest.WithName("nobody.example.com"))
	s, _ := connect(t, setup{serve: agent.ServeOptions{ReadOnly: true}, wrap: func(host.Host) host.Host { return fake }})
	tests := []struct {
		name string
		call func(context.Context) (any, error)
		want any
	}{
		{"FsyncLatency", func(ctx context.Context) (any, error) { return s.FsyncLatency(ctx, "/var/lib/etcd", 3) },
			[]time.Duration{time.Millisecond, 3 * time.Millisecond, 3 * time.Millisecond}},
		{"Firewall", func(ctx context.Context) (any, error) { return s.Firewall(ctx) }, []host.Chain{chain}},
		{"Provenance", func(ctx context.Context) (any, error) {
			return s.Provenance(ctx, []string{"/etc/nowhere", "/etc/hosts"})
		},
			[]host.Provenance{{Item: "/etc/nowhere"}, {Item: "/etc/hosts", Changed: time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC), Owner: "root"}}},
		{"Mounts", func(ctx context.Context) (any, error) { return s.Mounts(ctx) }, []host.Mount{mount}},
		{"Pods", func(ctx context.Context) (any, error) { return s.Pods(ctx) }, []host.PodProcess{pod}},
		{"Trees", func(ctx context.Context) (any, error) { return s.Trees(ctx, []string{"/etc/hosts", "/nowhere"}) },
			[]host.Tree{{Path: "/etc/hosts", Files: 1, Bytes: 20}, {Path: "/nowhere"}}},
		{"Filters", func(ctx context.Context) (any, error) {
			return s.Filters(ctx, host.FilterQuery{Tables: []string{"kube-proxy"}})
		}, []host.Filter{filter}},
		{"Lookup", func(ctx context.Context) (any, error) {
			return s.Lookup(ctx, []string{"api.example.com", "nobody.example.com"})
		}, []host.Resolved{{Name: "api.example.com", Addrs: []string{"192.0.2.1"}}, {Name: "nobody.example.com", Err: "no such host"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.call(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("want - got +:\n%s", d)
			}
		})
	}
	blind, _ := connect(t, setup{wrap: func(host.Host) host.Host { return hosttest.New("worker-2", hosttest.WithFsync()) }})
	if _, err := blind.FsyncLatency(t.Context(), "/var/lib/etcd", 3); !errors.Is(err, host.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, host.ErrUnavailable)
	}
}
