package reach

import (
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// Silence has many causes, and only some are in the network. A host that is
// short of processors does not read the requests in its sockets, or answers
// after the dialler has stopped waiting. So the silent host is asked what
// arrived, which makes it read its sockets, and how soon it answered:
//
//   - A request that is in no socket of the far end did not arrive: filtered.
//   - Requests arrived and were answered at once, several times in each of two
//     passes, or twice as often in one pass during which the dialler's own
//     process was awake. The answers did not come back although the dialler
//     read its own socket: one way.
//   - Anything else is doubtful, and is dialled again with more time.

// silence is what is known about an edge that got no answer.
type silence struct {
	came    bool // a request arrived
	half    bool // a connection is half open: the request arrived, the answer did not come back
	prompt  int  // requests answered at once, so far
	shown   int  // passes in which requests were answered in vain; a pass without doubt counts twice
	settled bool // it is not dialled again
	unsure  bool // load may be the reason, and there are no more passes
}

// Evidence that requests are answered in vain.
const (
	promptUDP = 2 // datagrams in a pass
	promptTCP = 1 // connections
	shows     = 2 // passes
)

// silent returns, by host, the edges that got no answer and whose silence is
// not settled yet. Unreachable edges are among them: a neighbour that is not
// found may have been busy.
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

// learn takes what was observed at the far end of an edge after a pass. A
// dialler that was awake all the time would have read an answer.
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

// settle decides which silent edges are certain after a pass that waited for
// each as long as wait. Not only processes but also kernels may be late,
// which the hosts' dials to themselves show. After the last pass every edge
// is settled; it is unsure if requests arrived that may have been answered
// too late.
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
