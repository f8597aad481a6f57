package reach

import (
	"fmt"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// arrivals is where nonces arrived.
type arrivals struct {
	nonces [][]place    // by edge
	full   map[int]bool // edges whose full-size datagrams arrived although no echo came back
}

type place struct {
	host, from string
	late       bool // some copies were not answered at once
}

func (r *round) arrivals() arrivals {
	c := arrivals{nonces: make([][]place, len(r.edges)), full: map[int]bool{}}
	for _, name := range r.names {
		for _, a := range r.peers[name].came {
			if a.Half {
				continue
			}
			kind, i, ok := indexOf(r.base, a.Nonce)
			switch {
			case !ok || i >= len(r.edges):
			case kind == kindEdge:
				c.nonces[i] = append(c.nonces[i], place{name, a.From, a.Prompt < a.Count})
			case kind == kindFull && r.edges[i].full != nil && name == r.edges[i].To:
				c.full[i] = true
			}
		}
	}
	return c
}

// judge joins what both ends of an edge know.
func (r *round) judge(e *edgeState, came arrivals) preflight.EdgeResult {
	out := preflight.EdgeResult{Edge: e.Edge, Service: e.service, RTT: e.res.RTT, Sent: e.res.Sent, Got: e.res.Got, Detail: e.res.Detail}
	if !e.dialled {
		out.Verdict, out.Detail = preflight.NotProbed, e.skip
		if e.skip == "" {
			out.Detail = e.From + " left"
		}
		return out
	}
	if e.to.err != nil {
		out.Verdict, out.Detail = preflight.NotProbed, e.To+" left"
		return out
	}
	arrived, elsewhere := false, ""
	for _, p := range came.nonces[e.index] {
		if p.host == e.To {
			arrived, e.late = true, e.late || p.late
			continue
		}
		elsewhere = p.host
	}
	out.Verdict, out.Detail = r.verdict(e, arrived, elsewhere, came)
	r.judgeSize(e, &out, came)
	return out
}

func (r *round) verdict(e *edgeState, arrived bool, elsewhere string, came arrivals) (preflight.Verdict, string) {
	if e.Proto == icmpProto && e.res.Outcome != host.OK {
		return preflight.NotProbed, "no ICMP echo comes back: how large packets may be is not known"
	}
	switch e.res.Outcome {
	case host.OK:
		if elsewhere != "" && !arrived {
			return preflight.WrongHost, "it arrived at " + elsewhere
		}
		if e.res.Sent > e.res.Got && !e.late {
			return preflight.Lossy, fmt.Sprintf("%d of %d answered", e.res.Got, e.res.Sent)
		}
		return preflight.OK, ""
	case host.WrongHost:
		return preflight.WrongHost, "answered by " + e.res.By
	case host.Refused:
		return preflight.Refused, r.by(e, "the port is bound: a firewall refuses")
	case host.Prohibited:
		return preflight.Prohibited, r.by(e, "")
	case host.Unreachable:
		if e.Proto == overlayProto { // or Filtered, depending on what ARP knew before
			return preflight.Filtered, "no echo comes back"
		}
		return preflight.NoRoute, r.by(e, "")
	case host.TooBig:
		return preflight.TooBig, fmt.Sprintf("the path takes %d bytes", e.res.MTU)
	}
	switch {
	case e.Proto == overlayProto:
		return preflight.Filtered, "no echo comes back"
	case elsewhere != "":
		return preflight.WrongHost, "it arrived at " + elsewhere
	case e.unsure:
		return preflight.NotProbed, "requests arrive, but " + e.To + " was too busy to answer in time"
	case arrived:
		return preflight.OneWay, "requests arrive, replies are dropped"
	case e.half:
		return preflight.OneWay, "requests arrive, replies are dropped"
	case e.res.Outcome == host.Silent && e.res.Detail != "":
		return preflight.WrongHost, "something between accepts connections: " + e.res.Detail
	case e.res.Outcome == host.Silent:
		return preflight.Mute, "the connection is accepted, by the host or by something between, and nothing is answered"
	}
	return preflight.Filtered, "no answer, and nothing arrived"
}

// by adds the sender of the ICMP message.
func (r *round) by(e *edgeState, text string) string {
	if e.res.Detail != "" {
		text = e.res.Detail
	}
	switch by := e.res.By; {
	case by == "":
	case by == e.to.addr:
		text += ", sent by the host itself"
	default:
		text += ", sent by " + by
	}
	return text
}

// explain withdraws verdicts that another edge explains. A datagram that
// arrived shows that its direction is open, so if the opposite direction is
// closed, only that edge is reported. An echo through the pod network needs
// the pod network's packets to pass in both directions.
func explain(results []preflight.EdgeResult) {
	filtered, failed := map[string]bool{}, map[[2]string]bool{}
	for _, e := range results {
		if e.Proto == "udp" && e.Verdict.Fails() {
			failed[[2]string{e.From, e.To}], failed[[2]string{e.To, e.From}] = true, true
		}
		if e.Verdict == preflight.Filtered || e.Verdict == preflight.Refused || e.Verdict == preflight.Prohibited {
			filtered[e.Edge.String()] = true
		}
	}
	for i, e := range results {
		back := preflight.Edge{From: e.To, To: e.From, Proto: e.Proto, Port: e.Port}
		if e.Verdict == preflight.OneWay && e.Proto == "udp" && filtered[back.String()] {
			results[i].Verdict, results[i].Detail = preflight.OK, "it arrived; the way back is closed"
		}
		if e.Proto == overlayProto && e.Verdict != preflight.OK && failed[[2]string{e.From, e.To}] {
			results[i].Verdict, results[i].Detail = preflight.NotProbed, "the pod network's packets do not pass"
		}
	}
}
