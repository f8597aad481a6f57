package membership

import (
	"context"
	"fmt"
	"slices"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/state"
)

// stood returns what is there of the footprints of components before any of
// them is installed: it belongs to others.
func stood(ctx context.Context, h host.Reader, fs modules.Footprints) (s state.Stood, err error) {
	if s.Places, err = places(ctx, h, fs); err != nil {
		return s, fmt.Errorf("look at what is there: %w", err)
	}
	var names []string
	for _, c := range fs.Sysctls() {
		names = append(names, c.Name)
	}
	if s.Settings, err = h.Sysctls(ctx, names); err != nil {
		return s, fmt.Errorf("look at what is set: %w", err)
	}
	if s.Network, err = network(ctx, h, fs); err != nil {
		return s, fmt.Errorf("look at the network: %w", err)
	}
	return s, nil
}

// places returns the places that are there, each with the names in it.
func places(ctx context.Context, h host.FileReader, fs modules.Footprints) (map[string][]string, error) {
	var queries []host.FileQuery
	for _, p := range fs.Places() {
		queries = append(queries, host.FileQuery{Path: p.Path, List: true})
	}
	files, err := h.Files(ctx, queries)
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, f := range files {
		if f.Type != host.Absent {
			found[f.Path] = append([]string{}, f.Entries...)
		}
	}
	return found, nil
}

// network returns the names of interfaces, tables and chains that are there.
// Another user of CNI has some of the same names.
func network(ctx context.Context, h host.Reader, fs modules.Footprints) ([]string, error) {
	n, err := h.Network(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, l := range n.Links {
		if slices.Contains(fs.Links(), l.Name) {
			names = append(names, l.Name)
		}
	}
	filters := fs.Filters()
	queries := []host.FilterQuery{{Tables: filters.Tables}}
	for _, prefix := range filters.Chains {
		queries = append(queries, host.FilterQuery{Chains: []string{prefix}})
	}
	for _, q := range queries {
		found, err := h.Filters(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if f.Whole {
				names = append(names, f.Table)
			}
		}
		if len(found) > 0 {
			names = append(names, q.Chains...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
