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
	"github.com/pmkctl/pmkctl/host/hosttest"
)

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

// TestStoppedUnitIsKept: Stop must not take from Clean what it needs.
func TestStoppedUnitIsKept(t *testing.T) {
	r := &Record{Owns: map[string]Owned{"x.service": {Kind: change.Unit, Original: "enabled, active"}, change.UnitFile("x.service"): {Kind: change.Text}}}
	unit := change.Change{Kind: change.Unit, Action: change.Remove, Item: "x.service"}
	r.drop(change.Diff{unit})
	if len(r.Owns) != 2 {
		t.Errorf("forgotten when it stopped: %v", r.Owns)
	}
	r.drop(change.Diff{unit, {Kind: change.Text, Action: change.Remove, Item: change.UnitFile("x.service")}})
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
	if len(k.record.Owns) > 0 || strings.Contains(h.Snapshot(), OriginalDir) {
		t.Errorf("adopted: %v", k.record.Owns)
	}
}
