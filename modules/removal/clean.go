package removal

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// Clean takes everything of a cluster off a host that was stopped: what
// pmkctl owns, as Items does, its users, what components wrote in their
// Places, and what they made in the kernel. pmkctl's own directory is not
// its business. With no Owns it finds nothing.
type Clean struct {
	Owns []Owned
	// Before are the places that stood before pmkctl came, with the names
	// in them. They stay.
	Before map[string][]string
	Data   []string // directories of etcd's data at places of the spec's own
	// Settings are what Settings were before.
	Settings map[string]string
	// Network is what Networks found before: others made it, and it stays.
	Network []string
	PodCIDR string // routes to parts of it are the pod network's
}

// ownDir is pmkctl's, of which its record goes last.
const ownDir = "/var/lib/pmkctl"

// Items of a Clean that are none of Owns.
const (
	linksItem   = "network interfaces"
	routesItem  = "routes"
	filtersItem = "packet filter"
)

// traces are what a Clean finds beside Items.
type traces struct {
	links      []string
	pods       int // how many of links are pods'
	routes     []host.NetRoute
	filters    []host.Filter
	query      host.FilterQuery // that found them
	remainders []remainder
	users      []string
}

// Check lists all of it. A directory is one change, with its size.
func (m Clean) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	if len(m.Owns) == 0 {
		return nil, nil
	}
	t, s, err := m.look(ctx, h)
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

// look asks for all of it at once.
func (m Clean) look(ctx context.Context, h host.Host) (t traces, s *seen, err error) {
	places := m.places()
	var queries []host.FileQuery
	for _, p := range places {
		queries = append(queries, host.FileQuery{Path: p.Path, List: true})
	}
	var files []host.File
	var users []host.User
	var network host.Network
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { s, err = look(gctx, h, m.owned()); return err })
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
		before, existed := m.Before[p.Path]
		if r, ok := p.remainder(files[i], before, existed); ok {
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

// keepFilled drops the places for what others bring where they brought some.
func (t *traces) keepFilled(ctx context.Context, h host.Host) error {
	var paths []string
	for _, r := range t.remainders {
		if r.Empty {
			paths = append(paths, r.paths()...)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	trees, err := h.Trees(ctx, paths)
	if err != nil {
		return err
	}
	t.remainders = slices.DeleteFunc(t.remainders, func(r remainder) bool {
		return slices.ContainsFunc(trees, func(tree host.Tree) bool {
			return (tree.Files > 0 || tree.More) && isBelow(tree.Path, r.Path)
		})
	})
	return nil
}

// Others tells if somebody else used CNI here before.
func (m Clean) Others() bool {
	return slices.Contains(m.Network, "CNI-") || slices.ContainsFunc(m.Before[netns], func(n string) bool { return strings.HasPrefix(n, "cni-") })
}

// places are all places and those of the spec's own.
func (m Clean) places() []Place {
	list := slices.DeleteFunc(slices.Clone(Places), func(p Place) bool { return p.Path == netns && m.Others() })
	for _, p := range m.Data {
		if !slices.ContainsFunc(list, func(o Place) bool { return isBelow(p, o.Path) }) {
			list = append(list, Place{Path: p, Prefix: "member", Who: "etcd"})
		}
	}
	return list
}

// owned are the items whose removal is that of Items.
func (m Clean) owned() []Owned {
	list := slices.DeleteFunc(slices.Clone(m.Owns), func(o Owned) bool { return isBelow(o.Item, ownDir) || o.Kind == change.Image })
	for _, s := range Settings {
		was, known := m.Settings[s.Name]
		if !known || slices.ContainsFunc(list, func(o Owned) bool { return o.Item == s.Name }) {
			continue
		}
		list = append(list, Owned{Item: s.Name, Kind: change.Sysctl, Want: s.Value, Original: was})
	}
	return list
}

// users are those that pmkctl made.
func (m Clean) users() []string {
	var names []string
	for _, o := range m.Owns {
		if o.Kind == change.Account && o.Original == "" {
			names = append(names, o.Item)
		}
	}
	slices.Sort(names)
	return names
}

// places are the remainders, each with how much it is.
func (t traces) places(ctx context.Context, h host.Host) (change.Diff, error) {
	var paths []string
	for _, r := range t.remainders {
		paths = append(paths, r.paths()...)
	}
	if len(paths) == 0 {
		return nil, nil
	}
	trees, err := h.Trees(ctx, paths)
	if err != nil {
		return nil, err
	}
	var d change.Diff
	for _, r := range t.remainders {
		var sum host.Tree
		for range r.paths() {
			sum.Files, sum.Bytes, sum.More = sum.Files+trees[0].Files, sum.Bytes+trees[0].Bytes, sum.More || trees[0].More
			trees = trees[1:]
		}
		why := size(sum) + ", of " + r.Who
		if !r.whole {
			why += "; what was there before stays"
		}
		d = append(d, change.Change{Kind: change.Directory, Action: change.Remove, Item: r.Path, Why: why})
	}
	return d, nil
}

// size is how much a tree is, in words.
func size(t host.Tree) string {
	files := fmt.Sprintf("%d files", t.Files)
	if t.Files == 1 {
		files = "1 file"
	}
	amount := fmt.Sprintf("%d kB", (t.Bytes+999)/1000)
	if t.Bytes >= 1e6 {
		amount = fmt.Sprintf("%d MB", (t.Bytes+5e5)/1e6)
	}
	if t.More {
		return "more than " + files + ", " + amount
	}
	return files + ", " + amount
}

// items are what Items would remove, but for what goes with its place. Texts
// that pmkctl wrote are left out: whoever reads the plan of a removal knows
// them.
func (m Clean) items(t traces, s *seen) change.Diff {
	var with []string // places that go as a whole
	for _, r := range t.remainders {
		for _, p := range r.paths() {
			s.going[p] = true
		}
		if r.whole {
			with = append(with, r.Path)
		}
	}
	var d change.Diff
	for _, o := range inOrder(m.owned()) {
		if slices.ContainsFunc(with, func(p string) bool { return isBelow(o.Item, p) }) {
			continue
		}
		if o.Kind == change.Unit && o.Original == "" && !s.units[o.Item].Unread {
			continue // a Stop ended it
		}
		v := s.judge(o)
		if v.Fate != Goes {
			continue
		}
		if v.Change.Kind != change.Directory {
			s.going[o.Item] = true
		}
		if v.Change.IsText() && !v.Change.Drift {
			v.Change.Have = ""
		}
		d = append(d, v.Change)
	}
	return d
}

// Apply takes the network away, then the places, then what pmkctl wrote,
// with what stood there before put back, then the users, who own none of it
// any more.
func (m Clean) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if len(d) == 0 {
		return nil
	}
	t, s, err := m.look(ctx, h)
	if err != nil {
		return err
	}
	// Not what d says of an item: it may be a place of the same name.
	items := slices.DeleteFunc(m.items(t, s), func(c change.Change) bool { return !d.Touches(c.Item) })
	if err := t.clear(ctx, h, d); err != nil {
		return err
	}
	if err := (Items{m.owned()}).Apply(ctx, h, items); err != nil {
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

// clear takes away what components made, as far as d lists it.
func (t traces) clear(ctx context.Context, h host.Host, d change.Diff) error {
	if d.Touches(linksItem) {
		for _, l := range t.links {
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

// roots are the places: nothing else is removed with all below it.
func (t traces) roots() []string {
	var list []string
	for _, r := range t.remainders {
		list = append(list, path.Clean(r.Path))
	}
	return list
}
