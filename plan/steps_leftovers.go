package plan

import (
	"path"
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/membership"
	"github.com/pmkctl/pmkctl/spec"
)

// leftovers adds the step that removes items from a host which pmkctl put there
// and no step owns any more. It comes after all other steps of the host. Every
// host has it, so that the graph is the same before and after the removal.
func (b *builder) leftovers(h *spec.Host) {
	m := membership.Leftovers{Record: b.world.Records[h.Name], Wanted: map[string]bool{}, Kept: b.undisposable(h)}
	var after []address.Addr
	for _, s := range b.out.Graph.Steps {
		if s.RunsOn() != h.Name || s.Work == nil {
			continue
		}
		after = append(after, s.Addr)
		owner, ok := s.Work.(modules.Owner)
		items := []string(nil)
		if ok {
			items = owner.Owns()
		}
		if items == nil {
			m.Kept[s.Addr] = true
		}
		for _, item := range items {
			want(m.Wanted, item)
		}
	}
	b.add("leftovers", h, m, after...)
}

// want notes that an item is wanted, and so are the directories that it is in.
func want(wanted map[string]bool, item string) {
	wanted[item] = true
	for dir := path.Dir(item); path.IsAbs(dir) && len(dir) > 1; dir = path.Dir(dir) {
		wanted[dir] = true
	}
}

// undisposable returns the steps whose items are never leftovers: the keys of the
// CAs and of the service accounts; and all steps of a host that still runs a
// member of etcd without having the role, because the member would have to be
// removed first.
func (b *builder) undisposable(h *spec.Host) map[address.Addr]bool {
	kept := map[address.Addr]bool{}
	for _, module := range []string{"ca", "front-proxy-ca", "etcd-ca", "service-accounts"} {
		kept[address.Of(module, h.Name)] = true
	}
	_, member := b.world.Records[h.Name].Owns[etcdUnit]
	for _, o := range b.world.Records[h.Name].Owns {
		kept[o.Step] = kept[o.Step] || member && !h.Has(spec.Etcd)
	}
	return kept
}

// unwanted returns the objects that a step of this host made once and that
// wanted does not own any more.
func (b *builder) unwanted(module string, h *spec.Host, wanted modules.Owner) []string {
	var list []string
	for item, o := range b.world.Records[h.Name].Owns {
		if o.InAPI() && o.Step == address.Of(module, h.Name) && !slices.Contains(wanted.Owns(), item) {
			list = append(list, item)
		}
	}
	slices.Sort(list)
	return list
}
