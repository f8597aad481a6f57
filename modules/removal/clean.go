package removal

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/undo"
	"github.com/pmkctl/pmkctl/state"
)

// Clean removes everything of a cluster from a host that was stopped: what
// its record owns, users, what components made by themselves in directories,
// settings and in the network. What stood there before pmkctl stays. It does
// not remove pmkctl's own directory. If the record owns nothing, Clean finds
// nothing.
type Clean struct {
	Record     *state.Record
	Footprints modules.Footprints
}

// Items of a Clean that no record owns.
const (
	linksItem   = "network interfaces"
	routesItem  = "routes"
	filtersItem = "packet filter"
)

// traces are what a Clean finds beside what the record owns.
type traces struct {
	named, pods []string // interfaces: with names of components, and of pods
	routes      []host.NetRoute
	filters     []host.Filter
	query       host.FilterQuery // that found them
	remainders  []remainder
	users       []string
}

// Check lists what is to be removed. A directory is one change, with its size.
func (m Clean) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	if len(m.Record.Owns) == 0 {
		return nil, nil
	}
	t, s, err := m.observe(ctx, h)
	if err != nil {
		return nil, err
	}
	d := t.network()
	places, err := t.places(ctx, h)
	if err != nil {
		return nil, err
	}
	d = append(d, places...)
	d = append(d, m.items(t, s)...)
	for _, u := range t.users {
		d = append(d, change.Change{Kind: change.Account, Action: change.Remove, Item: u})
	}
	return d, nil
}

// observe reads all of it at once.
func (m Clean) observe(ctx context.Context, h host.Reader) (t traces, s *undo.Observed, err error) {
	places := m.places()
	var queries []host.FileQuery
	for _, p := range places {
		queries = append(queries, host.FileQuery{Path: p.Path, List: true})
	}
	var files []host.File
	var users []host.User
	var network host.Network
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { s, err = m.owned().Observe(gctx, h); return err })
	g.Go(func() (err error) { files, err = h.Files(gctx, queries); return err })
	g.Go(func() (err error) { network, err = h.Network(gctx); return err })
	g.Go(func() (err error) { t.filters, err = h.Filters(gctx, m.filters()); return err })
	if names := m.users(); len(names) > 0 {
		g.Go(func() (err error) { users, err = h.Users(gctx, names); return err })
	}
	if err := g.Wait(); err != nil {
		return t, s, err
	}
	for i, p := range places {
		before, existed := m.Record.Places[p.Path]
		if r, ok := remainderOf(p, files[i], before, existed); ok {
			t.remainders = append(t.remainders, r)
		}
	}
	if err := t.keepFilled(ctx, h); err != nil {
		return t, s, err
	}
	for _, u := range users {
		if u.Exists {
			t.users = append(t.users, u.Name)
		}
	}
	t.query = m.filters()
	t.ofNetwork(network, m)
	return t, s, nil
}

// owned returns the things to take back: what the record owns, and settings
// that components made.
func (m Clean) owned() undo.Items {
	items := undo.Items(maps.Clone(m.Record.Owns))
	maps.DeleteFunc(items, func(item string, o state.Owned) bool { return undo.Below(item, state.Dir) || o.Kind == change.Image })
	for _, s := range m.Footprints.Sysctls() {
		was, known := m.Record.Settings[s.Name]
		if _, ours := items[s.Name]; known && !ours {
			items[s.Name] = state.Owned{Kind: change.Sysctl, Want: s.Value, Original: was}
		}
	}
	return items
}

// users returns those that pmkctl made.
func (m Clean) users() []string {
	var names []string
	for item, o := range m.Record.Owns {
		if o.Kind == change.Account && o.Original == "" {
			names = append(names, item)
		}
	}
	slices.Sort(names)
	return names
}

// items returns what is taken back except what is removed with its place.
// The texts that pmkctl wrote are left out: readers of the plan of a removal
// know them.
func (m Clean) items(t traces, o *undo.Observed) change.Diff {
	var with []string // places that are removed as a whole
	for _, r := range t.remainders {
		o.Without(r.paths()...)
		if r.whole {
			with = append(with, r.Path)
		}
	}
	var d change.Diff
	for _, v := range o.Judge() {
		c := v.Change
		stopped := c.Kind == change.Unit && m.Record.Owns[c.Item].Original == "" && !v.Unread // by a Stop
		if v.Fate != undo.Remove || stopped || slices.ContainsFunc(with, func(p string) bool { return undo.Below(c.Item, p) }) {
			continue
		}
		if c.IsText() && !c.Drift {
			c.Have = ""
		}
		d = append(d, c)
	}
	return d
}

// Apply removes the network, then the places, then what pmkctl wrote, with
// what stood there before put back, then the users, which own nothing of it
// any more.
func (m Clean) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if len(d) == 0 {
		return nil
	}
	t, s, err := m.observe(ctx, h)
	if err != nil {
		return err
	}
	// Not what d says of an item: it may be a place of the same name.
	items := slices.DeleteFunc(m.items(t, s), func(c change.Change) bool { return !d.Touches(c.Item) })
	if err := t.clear(ctx, h, d); err != nil {
		return err
	}
	if err := m.owned().Apply(ctx, h, items); err != nil {
		return err
	}
	for _, u := range t.users {
		if !d.Touches(u) {
			continue
		}
		if _, err := h.Run(ctx, []string{"userdel", u}, nil); err != nil {
			return fmt.Errorf("remove user %s: %w", u, err)
		}
	}
	return nil
}

// clear removes what components made, as far as d lists it.
func (t traces) clear(ctx context.Context, h host.Remover, d change.Diff) error {
	if d.Touches(linksItem) {
		for _, l := range t.links() {
			if err := h.DeleteLink(ctx, l); err != nil {
				return err
			}
		}
	}
	if d.Touches(routesItem) {
		for _, r := range t.routes {
			if err := h.DeleteRoute(ctx, r); err != nil {
				return err
			}
		}
	}
	if d.Touches(filtersItem) {
		if err := h.ClearFilters(ctx, t.query); err != nil {
			return err
		}
	}
	for _, r := range t.remainders {
		if !d.Touches(r.Path) {
			continue
		}
		for _, p := range r.paths() {
			if err := h.RemoveTree(ctx, host.TreeSpec{Path: p, Within: t.roots()}); err != nil {
				return err
			}
		}
	}
	return nil
}
