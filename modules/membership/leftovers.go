package membership

import (
	"context"
	"maps"
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/undo"
	"github.com/pmkctl/pmkctl/state"
)

// Leftovers is the module that removes from a host what its record owns and
// the spec does not want any more.
type Leftovers struct {
	Record *state.Record         // as it was when the graph was made; the host's own decides
	Wanted map[string]bool       // items of all steps of the host
	Kept   map[address.Addr]bool // steps that have no leftovers
}

// of returns the leftovers that a record knows of.
func (m Leftovers) of(r *state.Record) undo.Items {
	owns := maps.Clone(r.Owns)
	maps.DeleteFunc(owns, func(item string, o state.Owned) bool { return m.Wanted[item] || m.Kept[o.Step] })
	return undo.Items(owns)
}

// Check lists what is to be removed, and what was removed already and has
// only to be dropped from the record. What stays in place is not in the list.
func (m Leftovers) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	if len(m.of(m.Record)) == 0 {
		return nil, nil // the usual case costs no call
	}
	r, err := state.Load(ctx, h)
	if err != nil {
		return nil, err
	}
	verdicts, err := m.of(r).Judge(ctx, h)
	if err != nil {
		return nil, err
	}
	var d change.Diff
	for _, v := range verdicts {
		switch v.Fate {
		case undo.Remove:
			d = append(d, v.Change)
		case undo.Done:
			v.Change.Why += "; pmkctl forgets it"
			d = append(d, v.Change)
		}
	}
	return d, nil
}

// Apply removes what is there of d. The keeper drops all of d from the record.
func (m Leftovers) Apply(ctx context.Context, h host.Host, d change.Diff) error {
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

// Stay returns the leftovers that are not removed, each with the reason.
func (m Leftovers) Stay(ctx context.Context, h host.Host) (map[string]string, error) {
	verdicts, err := m.of(m.Record).Judge(ctx, h)
	if err != nil {
		return nil, err
	}
	stay := map[string]string{}
	for _, v := range verdicts {
		if v.Fate == undo.Keep {
			stay[v.Change.Item] = v.Change.Why
		}
	}
	return stay, nil
}
