package removal

import (
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/internal/undo"
	"github.com/pmkctl/pmkctl/state"
)

// places returns the places of all components, and where the spec has put
// those that it can move.
func (m Clean) places() []modules.Place {
	others := othersUseCNI(m.Record)
	list := slices.DeleteFunc(m.Footprints.Places(), func(p modules.Place) bool { return p.Path == netns && others })
	for _, p := range list {
		if p.Module == "" {
			continue
		}
		for _, dir := range directories(m.Record, p.Module) {
			if !slices.ContainsFunc(list, func(o modules.Place) bool { return undo.Below(dir, o.Path) }) {
				list = append(list, modules.Place{Path: dir, Prefix: p.Prefix, Who: p.Who})
			}
		}
	}
	return list
}

// directories returns those that a module made as the spec has it, but no
// configuration. Those above them, which the spec does not name, have no Want.
func directories(r *state.Record, module string) []string {
	var list []string
	for item, o := range r.Owns {
		if o.Kind == change.Directory && o.Original == "" && o.Want != "" && o.Step.Module == module && !strings.HasPrefix(item, "/etc/") {
			list = append(list, item)
		}
	}
	slices.Sort(list)
	return list
}

// othersUseCNI reports whether somebody else used CNI on the host before
// pmkctl. Then nothing shows whose a network namespace is.
func othersUseCNI(r *state.Record) bool {
	return slices.Contains(r.Network, "CNI-") || slices.ContainsFunc(r.Places[netns], func(n string) bool { return strings.HasPrefix(n, "cni-") })
}
