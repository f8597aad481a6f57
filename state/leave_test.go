package state

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
)

func fill(h *hosttest.Host) {
	for _, p := range []string{RecordPath, JournalPath, InventoryPath, OriginalPath("/etc/hosts"), Dir + "/agent/0123/pmkctl", Dir + "/images/x"} {
		hosttest.WithFile(p, "x\n")(h)
	}
}

func TestLeaveConverges(t *testing.T) {
	moduletest.Converges(t, &Leave{}, moduletest.Prepare(fill), moduletest.Removes(), moduletest.NoReboot())
}

// TestLeave: the record goes last, and nothing is noted after it.
func TestLeave(t *testing.T) {
	ctx, h := context.Background(), hosttest.New("a")
	check(t, (&Record{Version: 1, Cluster: Cluster{ID: "1", Name: "c"}}).Save(ctx, h))
	k := keeper(t, h, "one")
	m := &Leave{Keeper: k}
	d, err := m.Check(ctx, h)
	check(t, err)
	check(t, k.Begin(ctx, address.MustParse("leave.a"), d))
	h.ClearLog()
	check(t, m.Apply(ctx, h, d))
	log := h.Log()
	if n := len(log); n < 3 || log[n-2].Item != RecordPath || log[n-1].Item != Dir {
		t.Errorf("the record does not go last: %v", log)
	}
	check(t, k.End(ctx, address.MustParse("leave.a"), d, nil))
	if files, err := h.Files(ctx, []host.FileQuery{{Path: Dir}}); err != nil || files[0].Type != host.Absent {
		t.Errorf("%s is there: %v", Dir, err)
	}
}

// TestLeaveOnPlannedHost: what a plan leaves is nothing to remove.
func TestLeaveOnPlannedHost(t *testing.T) {
	h := hosttest.New("a", hosttest.WithFile(Dir+"/agent/0123/pmkctl", "x"))
	if d, err := (&Leave{}).Check(t.Context(), h); err != nil || len(d) > 0 {
		t.Errorf("got %v, %v", d, err)
	}
}

// TestLeaveWithoutRecord: what stood there before is not thrown away.
func TestLeaveWithoutRecord(t *testing.T) {
	for _, left := range []string{OriginalPath("/etc/hosts"), JournalPath} {
		h := hosttest.New("a", hosttest.WithFile(left, "x"), hosttest.WithFile(Dir+"/agent/0123/pmkctl", "x"))
		if d, err := (&Leave{}).Check(t.Context(), h); err == nil || !strings.Contains(err.Error(), originalDir) {
			t.Errorf("%s: got %v, %v", left, d, err)
		}
	}
}

// TestParents: directories that are made on the way are pmkctl's as well.
func TestParents(t *testing.T) {
	ctx, h := context.Background(), hosttest.New("a", hosttest.WithDir("/opt/theirs"))
	k := keeper(t, h, "")
	check(t, k.Begin(ctx, address.MustParse("s"), change.Diff{
		{Kind: change.Directory, Action: change.Add, Item: "/opt/cni/bin"},
		{Kind: change.Text, Action: change.Add, Item: "/usr/local/libexec/pmkctl/write-cni"},
		{Kind: change.Text, Action: change.Add, Item: "/opt/theirs/deep/er/x"},
		{Kind: change.Directory, Action: change.Add, Item: Dir + "/images"},
		{Kind: change.Sysctl, Action: change.Add, Item: "net.ipv4.ip_forward"},
	}))
	got := slices.Sorted(maps.Keys(k.record.Owns))
	want := []string{"/opt/cni", "/opt/cni/bin", "/opt/theirs/deep", "/opt/theirs/deep/er", "/opt/theirs/deep/er/x", "/usr/local/libexec", "/usr/local/libexec/pmkctl",
		"/usr/local/libexec/pmkctl/write-cni", Dir + "/images", "net.ipv4.ip_forward"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestBefore: what stood in the components' places is noted once, before
// they write there.
func TestBefore(t *testing.T) {
	ctx, h := context.Background(), hosttest.New("a", hosttest.WithFile("/var/log/pods/theirs/0.log", "x"))
	c := Cluster{ID: "1", Name: "c", Immutable: map[string]string{"pod_cidr": "10.244.0.0/16"}}
	check(t, keeper(t, h, "").Join(ctx, c, "a"))
	hosttest.WithFile("/var/log/pods/ours/0.log", "x")(h.Admin())
	check(t, keeper(t, h, "").Join(ctx, c, "a"))
	r, err := Load(ctx, h)
	check(t, err)
	if d := cmp.Diff(map[string][]string{"/var/log/pods": {"theirs"}}, r.Before); d != "" {
		t.Error(d)
	}
	if got := r.Clean(); got.PodCIDR != "10.244.0.0/16" || len(got.Before) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestClean(t *testing.T) {
	r := &Record{Owns: map[string]Owned{
		"/srv/a":     {Kind: change.Directory, Step: address.MustParse("etcd.cp-1")}, // made on the way
		"/srv/a/x":   {Kind: change.Directory, Step: address.MustParse("etcd.cp-1"), Want: "0700 etcd:etcd"},
		"/etc/etcd":  {Kind: change.Directory, Step: address.MustParse("etcd.cp-1"), Want: "0755 root:root"},
		"/srv/disk":  {Kind: change.Directory, Step: address.MustParse("etcd.cp-1"), Original: "0755 root:root"},
		"/etc/hosts": {Kind: change.Text, Step: address.MustParse("s"), SHA256: "1", Original: OriginalPath("/etc/hosts")},
	}}
	got := r.Clean()
	if d := cmp.Diff([]string{"/srv/a/x"}, got.Data); d != "" {
		t.Error(d)
	}
	if len(got.Owns) != 5 || got.Owns[1].Item != "/etc/hosts" || got.Owns[1].Original == "" {
		t.Errorf("got %+v", got.Owns)
	}
	if d := cmp.Diff(got.Owns, r.Stop().Owns); d != "" {
		t.Error(d)
	}
}

// TestStoppedUnitIsKept: Stop must not take from Clean what it needs.
func TestStoppedUnitIsKept(t *testing.T) {
	r := &Record{Owns: map[string]Owned{"x.service": {Kind: change.Unit, Original: "enabled, active"}, change.UnitFile("x.service"): {Kind: change.Text}}}
	unit := change.Change{Kind: change.Unit, Action: change.Remove, Item: "x.service"}
	r.forget(change.Diff{unit})
	if len(r.Owns) != 2 {
		t.Errorf("forgotten when it stopped: %v", r.Owns)
	}
	r.forget(change.Diff{unit, {Kind: change.Text, Action: change.Remove, Item: change.UnitFile("x.service")}})
	if len(r.Owns) != 0 {
		t.Errorf("not forgotten: %v", r.Owns)
	}
}

// TestRemovalsAreNotAdopted: what components made is nobody's to put back.
func TestRemovalsAreNotAdopted(t *testing.T) {
	ctx, h := context.Background(), hosttest.New("a", hosttest.WithFile("/var/lib/cni/x", "x"))
	k := keeper(t, h, "")
	check(t, k.Begin(ctx, address.MustParse("clean.a"), change.Diff{
		{Kind: change.Directory, Action: change.Remove, Item: "/var/lib/cni"},
		{Kind: change.Network, Action: change.Remove, Item: "packet filter"},
		{Kind: change.Unit, Action: change.Remove, Item: "pods"},
	}))
	if len(k.record.Owns) > 0 || strings.Contains(h.Snapshot(), originalDir) {
		t.Errorf("adopted: %v", k.record.Owns)
	}
}
