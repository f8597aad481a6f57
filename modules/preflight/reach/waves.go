package reach

// wavePeers are the hosts that one host dials, and is dialled by, at a time.
const wavePeers = 200

// waves are the edges to be dialled, by the host they start from. In each
// wave a host dials those that follow it on a ring of all.
func (r *round) waves() []map[string][]*edgeState {
	n := len(r.names)
	out := []map[string][]*edgeState{{}} // the clocks are wanted even without edges
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
