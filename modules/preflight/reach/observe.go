package reach

import (
	"context"

	"github.com/pmkctl/pmkctl/host"
)

// observe asks the far ends of silent edges what arrived there. If judged is
// set, it also asks which connections are half open; for that a kernel walks
// over all connections of the machine, which takes 20 ms.
func (r *round) observe(ctx context.Context, byHost map[string][]*edgeState, judged bool) {
	asked := map[string]*host.SeenRequest{}
	for _, name := range r.names {
		for _, e := range byHost[name] {
			if e.service || e.Proto == overlayProto || e.Proto == icmpProto {
				continue
			}
			q := asked[e.To]
			if q == nil {
				q = &host.SeenRequest{ID: r.id}
				asked[e.To] = q
			}
			q.Nonces = append(q.Nonces, nonce(r.base, e.index))
			q.Half = q.Half || judged && e.Proto == "tcp"
		}
	}
	if len(asked) == 0 {
		return
	}
	r.each(ctx, callTime, func(ctx context.Context, p *peer) (err error) {
		p.seen = nil
		if q := asked[p.name]; q != nil {
			p.seen, err = p.host.ProbeSeen(ctx, *q)
		}
		return err
	})
	seen, half := r.seen()
	for _, edges := range byHost {
		for _, e := range edges {
			e.learn(seen[e.index], r.isHalf(e, half), e.from.awake())
		}
	}
}

// seen returns what the hosts answered in the last observe: arrivals by edge,
// and which connections are half open.
func (r *round) seen() (map[int]host.Arrival, map[halfKey]bool) {
	nonces, half := map[int]host.Arrival{}, map[halfKey]bool{}
	for _, name := range r.names {
		for _, a := range r.peers[name].seen {
			if a.Half {
				half[halfKey{name, a.Port, a.From, a.FromPort}] = true
			} else if kind, i, ok := indexOf(r.base, a.Nonce); ok && kind == kindEdge && i < len(r.edges) && r.edges[i].To == name {
				nonces[i] = a
			}
		}
	}
	return nonces, half
}

// A halfKey is a half-open connection. Connections of an earlier run may stay
// half open for a minute; they have other source ports.
type halfKey struct {
	to       string
	port     int
	from     string
	fromPort int
}

func (r *round) isHalf(e *edgeState, half map[halfKey]bool) bool {
	if e.res.Outcome != host.Filtered {
		return false
	}
	for _, port := range e.res.Ports {
		if half[halfKey{e.To, e.Port, e.from.addr, port}] {
			return true
		}
	}
	return false
}
