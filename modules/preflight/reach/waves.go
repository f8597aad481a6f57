package reach

// wavePeers is how many hosts a host dials at a time, and how many dial it.
const wavePeers = 200

// waves returns the edges to dial, wave by wave, by the host that dials. The
// hosts form a ring, and in each wave a host dials the next ones on it.
func (r *round) waves() []map[string][]*edgeState {
	n := len(r.names)
	out := []map[string][]*edgeState{{}} // hosts without edges dial themselves, because clocks are compared too
	for _, e := range r.edges {
		if e.skip != "" {
			continue
		}
		wave := ((e.to.slot-e.from.slot+n)%n - 1) / wavePeers
		for len(out) <= wave {
			out = append(out, map[string][]*edgeState{})
		}
		out[wave][e.From] = append(out[wave][e.From], e)
	}
	return out
}
