package membership

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/moduletest"
	"github.com/pmkctl/pmkctl/state"
)

var footprints = modules.Footprints{{
	Places:  []modules.Place{{Path: "/var/log/pods"}, {Path: "/run/netns", Prefix: "cni-"}},
	Sysctls: []modules.Sysctl{{Name: "kernel.panic"}},
	Links:   []string{"cni0", "flannel.1"},
	Filters: host.FilterQuery{Chains: []string{"KUBE-", "CNI-"}, Tables: []string{"kube-proxy"}},
}}

var cluster = state.Cluster{ID: "00112233445566778899aabbccddeeff", Name: "lab", Immutable: map[string]string{"pod_cidr": "10.244.0.0/16"}}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keeper keeps a host's record from where it is.
func keeper(t *testing.T, h *hosttest.Host) *state.Keeper {
	t.Helper()
	r, err := state.Load(context.Background(), h)
	check(t, err)
	return state.NewKeeper(h, "run", r)
}

func TestMemberConverges(t *testing.T) {
	m := Member{Cluster: cluster, Name: "cp-1", Footprints: footprints, Inventory: []state.HostEntry{
		{Name: "cp-1", Address: "192.0.2.11", SSH: "root@192.0.2.11:22", HostKey: "SHA256:x"}}}
	// A damaged record is an error: only a human can tell what it should say.
	ours := moduletest.NoDrift(state.Dir, state.RecordPath, state.InventoryPath)
	t.Run("control plane", func(t *testing.T) { moduletest.Converges(t, m, ours) })
	t.Run("worker", func(t *testing.T) { moduletest.Converges(t, Member{Cluster: cluster, Name: "worker-1"}, ours) })
	more := m
	more.Inventory = append(slices.Clone(m.Inventory), state.HostEntry{Name: "worker-1", Address: "192.0.2.12"})
	t.Run("another host", func(t *testing.T) { moduletest.Converges(t, more, moduletest.Before(m), ours) })
}

// TestStood: what stood on the host of the components' footprints is noted
// once, before they are installed.
func TestStood(t *testing.T) {
	h := hosttest.New("a", hosttest.WithFile("/var/log/pods/theirs/0.log", "x"),
		hosttest.WithNetwork(host.Network{Links: []host.NetLink{{Name: "eth0", Type: "device"}, {Name: "cni0", Type: "bridge"}}}),
		hosttest.WithFilters(host.Filter{Kind: "nftables", Family: "ip", Table: "kube-proxy", Whole: true}))
	m := Member{Cluster: cluster, Name: "a", Footprints: footprints}
	join := func() {
		t.Helper()
		d, err := m.Check(t.Context(), h)
		check(t, err)
		check(t, m.Apply(state.WithKeeper(t.Context(), keeper(t, h)), h, d))
	}
	join()
	hosttest.WithFile("/var/log/pods/ours/0.log", "x")(h.Admin())
	m.Name = "b"
	join()
	r, err := state.Load(t.Context(), h)
	check(t, err)
	want := state.Stood{Places: map[string][]string{"/var/log/pods": {"theirs"}}, Network: []string{"cni0", "kube-proxy"}, Settings: map[string]string{"kernel.panic": "0"}}
	if d := cmp.Diff(want, r.Stood); d != "" {
		t.Error(d)
	}
	if r.Host != "b" || r.Cluster.ID != cluster.ID {
		t.Errorf("the record is %+v", r)
	}
}
