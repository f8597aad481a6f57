package reach

import (
	"context"

	"github.com/pmkctl/pmkctl/host"
)

// look asks the hosts that edges got no answer from what came there, and
// which connections are half open if that is to be judged by: it costs a
// kernel a walk over all connections of the machine, 20 ms.
func (r *round) look(ctx context.Context, byHost map[string][]*edgeState, judged bool) {
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

// seen is what the hosts told when they were asked: by edge, and which
// connections are half open.
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

// halfKey is a half-open connection: the host and port it came to, and where
// it came from. Those of an earlier run stay for a minute; their source ports
// are others.
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
