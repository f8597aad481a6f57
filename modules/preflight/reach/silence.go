package reach

import (
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
