package hosttest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/host"
)

// etcdHost returns a host whose etcd starts as a new cluster of these hosts.
func etcdHost(name string, members ...string) *Host {
	var initial []string
	for _, m := range members {
		initial = append(initial, m+"=https://"+m+":2380")
	}
	h := New(name, WithPrograms("etcd"), WithFile("/etc/etcd.yaml", fmt.Sprintf("data-dir: /var/lib/etcd\ninitial-cluster: %s\n", strings.Join(initial, ","))),
		WithFile("/etc/systemd/system/etcd.service", "[Service]\nExecStart=/usr/local/bin/etcd --config-file=/etc/etcd.yaml\n"))
	must(h.Admin().Unit(context.Background(), "", host.Reload))
	return h
}

// A real etcd refuses these.
func TestEtcdRefuses(t *testing.T) {
	ctx := context.Background()
	a, b, c := etcdHost("a", "a", "b"), etcdHost("b", "a", "b"), etcdHost("c", "a", "b", "c")
	cluster := NewCluster(a, b, c)
	do := func(h *Host, action host.UnitAction) string {
		if h.Unit(ctx, "etcd.service", action) == nil {
			return ""
		}
		lines, err := h.Journal(ctx, "etcd.service", 3)
		check(t, err)
		return strings.Join(lines, "\n")
	}
	started := func(h *Host, want string) {
		t.Helper()
		if got := do(h, host.Restart); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", h.Name(), got, want)
		}
	}
	started(a, "")
	started(b, "")
	started(c, "cluster ID mismatch")
	check(t, b.Admin().Unit(ctx, "etcd.service", host.Stop))
	started(b, "")
	check(t, b.Admin().Unit(ctx, "etcd.service", host.Stop))
	check(t, b.Admin().Remove(ctx, "/var/lib/etcd/member"))
	started(b, "already been bootstrapped")
	cluster.etcd.removed["b"] = true
	delete(cluster.etcd.ids, "b")
	started(b, "permanently removed")
	check(t, a.Admin().Unit(ctx, "etcd.service", host.Stop))
	check(t, a.Admin().Remove(ctx, "/var/lib/etcd/member"))
	started(a, "") // an empty cluster
	if len(cluster.etcd.ids) != 1 {
		t.Errorf("members are %v", cluster.etcd.ids)
	}
}
