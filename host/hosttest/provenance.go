package hosttest

import (
	"context"

	"github.com/pmkctl/pmkctl/host"
)

// Provenance implements host.Reader. It returns when a path was written and
// its owner, and the traces from WithArchive for any item.
func (h *Host) Provenance(ctx context.Context, items []string) ([]host.Provenance, error) {
	var list []host.Provenance
	err := h.read(ctx, "Provenance", "", func() error {
		for _, item := range items {
			p := host.Provenance{Item: item, Traces: h.readings.traces[item]}
			if n := h.tree.get(item); n != nil {
				p.Changed, p.Owner = n.mtime.UTC(), n.owner
			}
			list = append(list, p)
		}
		return nil
	})
	return list, err
}
