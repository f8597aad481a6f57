package modules

import (
	"cmp"
	"slices"

	"github.com/pmkctl/pmkctl/host"
)

// Footprints are the footprints of all services that pmkctl installs.
type Footprints []Footprint

// Places returns all places, by path.
func (fs Footprints) Places() []Place {
	list := collect(fs, func(f Footprint) []Place { return f.Places })
	slices.SortFunc(list, func(a, b Place) int { return cmp.Compare(a.Path, b.Path) })
	return list
}

// Sysctls returns all kernel settings, by name.
func (fs Footprints) Sysctls() []Sysctl {
	list := collect(fs, func(f Footprint) []Sysctl { return f.Sysctls })
	slices.SortFunc(list, func(a, b Sysctl) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Mounts returns all patterns of mounts for pods.
func (fs Footprints) Mounts() []string {
	return collect(fs, func(f Footprint) []string { return f.Mounts })
}

// Links returns the names of all network interfaces.
func (fs Footprints) Links() []string {
	return collect(fs, func(f Footprint) []string { return f.Links })
}

// Filters returns all parts of the packet filter.
func (fs Footprints) Filters() host.FilterQuery {
	return host.FilterQuery{
		Chains: collect(fs, func(f Footprint) []string { return f.Filters.Chains }),
		Tables: collect(fs, func(f Footprint) []string { return f.Filters.Tables }),
	}
}

// Stops returns the order of stopping of a unit. A unit that no service
// has stops first.
func (fs Footprints) Stops(unit string) Order {
	for _, f := range fs {
		if f.Unit == unit {
			return f.Stops
		}
	}
	return BeforeKubelet
}

func collect[T any](fs Footprints, part func(Footprint) []T) []T {
	var list []T
	for _, f := range fs {
		list = append(list, part(f)...)
	}
	return list
}
