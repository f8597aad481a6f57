package hosttest

import (
	"context"

	"github.com/pmkctl/pmkctl/host"
)

// Provenance implements host.Reader: of a path it tells when it was written
// and whose it is, and of anything the traces that WithArchive has.
func (h *Host) Provenance(ctx context.Context, items []string) ([]host.Provenance, error) {
	var list []host.Provenance
	err := h.read(ctx, "Provenance", "", func() error {
		for _, item := range items {
			p := host.Provenance{Item: item, Traces: h.looks.traces[item]}
			if n := h.tree.get(item); n != nil {
				p.Changed, p.Owner = n.mtime.UTC(), n.owner
			}
			list = append(list, p)
		}
		return nil
	})
	return list, err
}
