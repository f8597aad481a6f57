package undo

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/state"
)

// Items are the things to take back, as a record has them. Of these it
// removes no directory that holds anything else, no user, no object of the
// Kubernetes API and nothing of a kind that it does not know.
type Items map[string]state.Owned

// Fate is what becomes of a thing.
type Fate string

// The fates.
const (
	Remove Fate = "remove" // it is there, and is removed or put back
	Done   Fate = "done"   // there is nothing to do any more
	Keep   Fate = "keep"   // this package does not remove it
)

// A Verdict is what becomes of one thing, as the host is now.
type Verdict struct {
	Fate   Fate
	Change change.Change // what a removal does; of a thing that is not removed, Why has the reason
	Unread bool          // systemd has not read what is on disk of this unit
}

// Check lists what is there of them.
func (m Items) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	verdicts, err := m.Judge(ctx, h)
	if err != nil {
		return nil, err
	}
	var d change.Diff
	for _, v := range verdicts {
		if v.Fate == Remove {
			d = append(d, v.Change)
		}
	}
	return d, nil
}

// Judge returns what becomes of each thing, in one round trip and in the
// order of removal: services first, then images, settings and files,
// directories last.
func (m Items) Judge(ctx context.Context, h host.Reader) ([]Verdict, error) {
	if len(m) == 0 {
		return nil, nil
	}
	o, err := m.Observe(ctx, h)
	if err != nil {
		return nil, err
	}
	return o.Judge(), nil
}

// An item is a thing with its name.
type item struct {
	Item string
	state.Owned
}

// inOrder returns the things in the order of removal: directories after what
// they hold.
func (m Items) inOrder() []item {
	order := []string{change.Unit.Class, change.Image.Class, change.Sysctl.Class, "", change.Directory.Class} // "" is all others
	rank := func(k change.Kind) int {
		if i := slices.Index(order, k.Class); i >= 0 {
			return i
		}
		return slices.Index(order, "")
	}
	var list []item
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, item{name, m[name]})
	}
	slices.SortStableFunc(list, func(a, b item) int {
		if a.Kind == change.Directory && b.Kind == change.Directory {
			return cmp.Compare(b.Item, a.Item) // the deepest first
		}
		return cmp.Compare(rank(a.Kind), rank(b.Kind))
	})
	return list
}
