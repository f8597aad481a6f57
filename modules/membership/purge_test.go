package membership

import (
	"context"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/modules/moduletest"
	"github.com/pmkctl/pmkctl/state"
)

func fill(h *hosttest.Host) {
	for _, p := range []string{state.JournalPath, state.InventoryPath, state.OriginalPath("/etc/hosts"), state.Dir + "/agent/0123/pmkctl", state.Dir + "/images/x"} {
		hosttest.WithFile(p, "x\n")(h)
	}
	hosttest.WithFile(state.RecordPath, "{}")(h)
}

func TestPurgeConverges(t *testing.T) {
	moduletest.Converges(t, Purge{}, moduletest.Prepare(fill), moduletest.Removes(), moduletest.NoReboot())
}

// TestPurge: the record goes last, and nothing is noted after it.
func TestPurge(t *testing.T) {
	ctx, h := context.Background(), hosttest.New("a")
	check(t, (&state.Record{Version: 1, Cluster: state.Cluster{ID: "1", Name: "c"}}).Save(ctx, h))
	k := keeper(t, h)
	d, err := Purge{}.Check(ctx, h)
	check(t, err)
	check(t, k.Begin(ctx, address.MustParse("leave.a"), d))
	h.ClearLog()
	check(t, Purge{}.Apply(state.WithKeeper(ctx, k), h, d))
	log := h.Log()
	if n := len(log); n < 3 || log[n-2].Item != state.RecordPath || log[n-1].Item != state.Dir {
		t.Errorf("the record does not go last: %v", log)
	}
	check(t, k.End(ctx, address.MustParse("leave.a"), d, nil))
	if files, err := h.Files(ctx, []host.FileQuery{{Path: state.Dir}}); err != nil || files[0].Type != host.Absent {
		t.Errorf("%s is there: %v", state.Dir, err)
	}
}

// TestPurgeOnPlannedHost: what a plan brings to a host is nothing to remove.
func TestPurgeOnPlannedHost(t *testing.T) {
	h := hosttest.New("a", hosttest.WithFile(state.Dir+"/agent/0123/pmkctl", "x"))
	if d, err := (Purge{}).Check(t.Context(), h); err != nil || len(d) > 0 {
		t.Errorf("got %v, %v", d, err)
	}
}

// TestPurgeWithoutRecord: what stood there before is not thrown away.
func TestPurgeWithoutRecord(t *testing.T) {
	for _, p := range []string{state.OriginalPath("/etc/hosts"), state.JournalPath} {
		h := hosttest.New("a", hosttest.WithFile(p, "x"), hosttest.WithFile(state.Dir+"/agent/0123/pmkctl", "x"))
		if d, err := (Purge{}).Check(t.Context(), h); err == nil || !strings.Contains(err.Error(), state.OriginalDir) {
			t.Errorf("%s: got %v, %v", p, d, err)
		}
	}
}
