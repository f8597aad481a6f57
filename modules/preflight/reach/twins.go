package reach

import (
	"fmt"
	"strings"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// twins finds hosts that share what should identify one host.
func (r *round) twins() []preflight.Finding {
	var out []preflight.Finding
	out = append(out, r.same(preflight.SameHostname, "hostname", func(f host.Facts) string { return f.Hostname })...)
	out = append(out, r.same(preflight.SameMachineID, "machine-id", func(f host.Facts) string { return f.MachineID })...)
	return append(out, r.same(preflight.SameProductUUID, "product UUID", func(f host.Facts) string {
		if f.InContainer() {
			return "" // all containers of a machine have the UUID of the machine
		}
		return f.ProductUUID
	})...)
}

func (r *round) same(id, what string, of func(host.Facts) string) []preflight.Finding {
	owners := map[string][]string{}
	var order []string
	for _, name := range r.names {
		v := of(r.peers[name].facts)
		if v == "" {
			continue
		}
		if owners[v] == nil {
			order = append(order, v)
		}
		owners[v] = append(owners[v], name)
	}
	var out []preflight.Finding
	for _, v := range order {
		if len(owners[v]) > 1 {
			out = append(out, preflight.NewFinding(id, "", fmt.Sprintf("%s have the same %s, %s", strings.Join(owners[v], " and "), what, v), "different ones"))
		}
	}
	return out
}
