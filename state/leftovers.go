package state

import (
	"context"
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/removal"
)

// Leftovers is the module that removes from a host what its record owns and
// the spec does not want any more.
type Leftovers struct {
	Record *Record               // as it was when the graph was made; the host's own decides
	Wanted map[string]bool       // items of all steps of the host
	Kept   map[address.Step]bool // steps of which nothing is a leftover
}

// of are the leftovers that a record knows of.
func (m *Leftovers) of(r *Record) removal.Items {
	return removal.Items{Owns: slices.DeleteFunc(r.owned(), func(o removal.Owned) bool {
		return m.Wanted[o.Item] || m.Kept[r.Owns[o.Item].Step]
	})}
}

// Check lists what is to be removed, and what is gone already and only to be
// forgotten. What stays where it is, is not in the list.
func (m *Leftovers) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	if len(m.of(m.Record).Owns) == 0 {
		return nil, nil // the usual case costs no call
	}
	r, err := Load(ctx, h)
	if err != nil {
		return nil, err
	}
	verdicts, err := m.of(r).Look(ctx, h)
	if err != nil {
		return nil, err
	}
	var d change.Diff
	for _, v := range verdicts {
		switch v.Fate {
		case removal.Goes:
			d = append(d, v.Change)
		case removal.Gone:
			v.Change.Why += "; pmkctl forgets it"
			d = append(d, v.Change)
		}
	}
	return d, nil
}

// Apply removes what is there of d. The keeper forgets all of d.
func (m *Leftovers) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if len(d) == 0 {
		return nil
	}
	items := m.of(m.Record)
	found, err := items.Check(ctx, h)
	if err != nil {
		return err
	}
	return items.Apply(ctx, h, slices.DeleteFunc(found, func(c change.Change) bool { return !d.Touches(c.Item) }))
}

// Stay are leftovers that are not removed, and why.
func (m *Leftovers) Stay(ctx context.Context, h host.Host) (map[string]string, error) {
	verdicts, err := m.of(m.Record).Look(ctx, h)
	if err != nil {
		return nil, err
	}
	stay := map[string]string{}
	for _, v := range verdicts {
		if v.Fate == removal.Stays {
			stay[v.Item] = v.Change.Why
		}
	}
	return stay, nil
}
