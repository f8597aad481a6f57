package state

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
)

// keeper keeps a host's record from where it was left.
func keeper(t *testing.T, h *hosttest.Host, plan string) *Keeper {
	t.Helper()
	r, err := Load(context.Background(), h)
	if err != nil {
		t.Fatal(err)
	}
	k := NewKeeper(h, "0badcafe", r)
	k.Plan = plan
	return k
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func progress(t *testing.T, h *hosttest.Host, plan string) Progress {
	t.Helper()
	p, err := LoadProgress(context.Background(), h, plan)
	check(t, err)
	return p
}

func TestProgress(t *testing.T) {
	ctx, h := context.Background(), hosttest.New("cp-1").Admin()
	k := keeper(t, h, "one")
	check(t, k.Begin(ctx, address.MustParse("a.cp-1"), nil))
	check(t, k.End(ctx, address.MustParse("a.cp-1"), nil, nil))
	check(t, k.Begin(ctx, address.MustParse("b.cp-1"), nil))
	// A power cut leaves half a line.
	check(t, h.Append(ctx, JournalPath, []byte(`{"time":"2026-01-01T00:00:00Z","plan":"one","step":"d.cp-1","wh`)))
	check(t, k.Begin(ctx, address.MustParse("c.cp-1"), nil))
	check(t, k.End(ctx, address.MustParse("c.cp-1"), nil, errors.New("no space left")))
	check(t, keeper(t, h, "two").End(ctx, address.MustParse("b.cp-1"), nil, nil))
	check(t, keeper(t, h, "").End(ctx, address.MustParse("b.cp-1"), nil, nil))

	if got, want := progress(t, h, "one"), (Progress{address.MustParse("a.cp-1"): Done, address.MustParse("b.cp-1"): Intent, address.MustParse("c.cp-1"): Failed}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := progress(t, h, "two"), (Progress{address.MustParse("b.cp-1"): Done}); !reflect.DeepEqual(got, want) {
		t.Errorf("of another plan: got %v, want %v", got, want)
	}
	if got := progress(t, h, ""); len(got) > 0 {
		t.Errorf("of no plan: got %v", got)
	}
}

func TestJournalRotates(t *testing.T) {
	ctx, h := context.Background(), hosttest.New("cp-1").Admin()
	k := keeper(t, h, "one")
	check(t, k.Begin(ctx, address.MustParse("a.cp-1"), nil))
	check(t, h.Append(ctx, JournalPath, []byte(strings.Repeat("\n", maxJournal))))
	k = keeper(t, h, "one")
	check(t, k.End(ctx, address.MustParse("a.cp-1"), nil, nil))
	check(t, k.Begin(ctx, address.MustParse("b.cp-1"), nil))

	if got, want := progress(t, h, "one"), (Progress{address.MustParse("a.cp-1"): Done, address.MustParse("b.cp-1"): Intent}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	files, err := h.Files(ctx, []host.FileQuery{{Path: JournalPath}, {Path: olderJournal}})
	check(t, err)
	if files[0].Size > 1000 || files[1].Size < maxJournal {
		t.Errorf("sizes %d and %d", files[0].Size, files[1].Size)
	}
}
