package reach

import (
	"context"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// Silence has many causes, and only some are the network's. A host that is
// short of processors leaves requests unread in its sockets, or answers them
// when nobody waits any more. So whoever is silent is asked what came, which
// makes it read what is there, and how soon it was answered:
//
//   - what is in no socket of the other end did not come: filtered;
//   - what came, and was answered at once, several times in two passes, or
//     twice as often in one throughout which the asker's own process was
//     awake, and whose answers did not come back though the asker read all
//     that is in its own socket: one way;
//   - anything else is doubtful, and is dialled again with more time.

// silence is what is known of an edge that got no answer.
type silence struct {
	came    bool // a request arrived
	half    bool // a connection is half open: the request came, the answer did not get back
	prompt  int  // requests answered at once, so far
	shown   int  // passes that showed requests which were answered in vain; one counts twice if it leaves no doubt
	settled bool // what it ended in is not the load's doing
	unsure  bool // and there will be no more passes to tell
}

// Evidence that requests are answered in vain.
const (
	promptUDP = 2 // datagrams in a pass
	promptTCP = 1 // connections
	shows     = 2 // passes
)

// silent are the edges that got no answer and whose silence is not settled
// yet. A neighbour that is not found may be one that was busy.
func (r *round) silent() map[string][]*edgeState {
	out := map[string][]*edgeState{}
	for _, e := range r.edges {
		if e.dialled && !e.settled && e.quiet() {
			out[e.From] = append(out[e.From], e)
		}
	}
	return out
}

func (e *edgeState) quiet() bool {
	o := e.res.Outcome
	return o == host.Filtered || o == host.Silent || o == host.Unreachable || e.full != nil
}

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

// learn takes what was seen of an edge at its other end after a pass. If the
// asker was awake all the time it would have read an answer.
func (e *edgeState) learn(a host.Arrival, half, awake bool) {
	least := promptUDP
	if e.Proto == "tcp" {
		least = promptTCP
	}
	switch prompt := a.Prompt - e.prompt; {
	case prompt >= 2*least && awake:
		e.shown += shows
	case prompt >= least:
		e.shown++
	}
	e.came, e.prompt = a.Count > 0, a.Prompt
	e.half = e.half || half
}

// settle tells which silent edges are certain after a pass that waited so
// long for each. Besides the hosts' processes the kernels may be late, which
// dials to oneself show. After the last pass the rest is what it looks like,
// but for requests that came and may have been answered too late.
func (r *round) settle(wait time.Duration) {
	last := wait == 4*r.Wait
	for _, edges := range r.silent() {
		for _, e := range edges {
			slow := e.from.kernelLate(wait/2) || e.to.kernelLate(wait/2)
			doubt := e.came && e.shown < shows
			e.settled = last || !doubt && !slow
			e.unsure = last && doubt
		}
	}
}

// awake tells if a host's process heard itself promptly all through the last
// pass.
func (p *peer) awake() bool {
	return p.err == nil && p.self.Outcome == host.OK && p.self.RTT <= host.Promptly
}

// kernelLate tells if a host that is there took that long, in the last pass,
// to hand itself a datagram.
func (p *peer) kernelLate(limit time.Duration) bool { return p.err == nil && p.self.Kernel > limit }
