package reach

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// bindState judges a bind: a component may hold its own port.
func bindState(p preflight.Port, b host.Bind) preflight.BindState {
	switch {
	case b.OK:
		return preflight.Free
	case b.Busy:
		return preflight.Busy
	case b.Holder == nil && b.Raw:
		return preflight.Held
	case b.Holder == nil:
		return preflight.Failed
	case !mayHold(p, b):
		return preflight.Held
	case b.Holder.State == "T":
		return preflight.Stopped
	}
	return preflight.InUse
}

// mayHold tells if the holder is the component. The kernel holds the ports of
// vxlan and wireguard for flanneld.
func mayHold(p preflight.Port, b host.Bind) bool {
	if p.Unit == "" {
		return false
	}
	kernel := b.Holder.PID == 0 && b.Holder.Process == "" && b.Holder.Unit == ""
	return b.Holder.Unit == p.Unit || kernel && p.Kernel
}

// cameAt tells where nonces arrived.
type cameAt struct {
	nonces [][]place    // by edge
	full   map[int]bool // edges whose full-size datagrams arrived, the echo of which did not
}

type place struct {
	host, from string
	late       bool // some of it was not answered at once
}

func (r *round) arrivals() cameAt {
	c := cameAt{nonces: make([][]place, len(r.edges)), full: map[int]bool{}}
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

// judge joins what both ends know of an edge.
func (r *round) judge(e *edgeState, came cameAt) preflight.EdgeResult {
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

func (r *round) verdict(e *edgeState, arrived bool, elsewhere string, came cameAt) (preflight.Verdict, string) {
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
		if e.Proto == overlayProto { // depends on what ARP knew before
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

// by adds who sent the ICMP message.
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

// explain takes back what another edge already says: a datagram that
// arrived shows that its direction is open, so if the way back is known to
// be closed, that edge is the one to report.
//
// An echo through the pod network needs its packets to pass both ways.
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

// report judges everything.
func (r *round) report() *preflight.Report {
	rep := &preflight.Report{}
	rep.Left = r.left()
	for _, name := range r.names {
		rep.Binds = append(rep.Binds, r.peers[name].bindResults()...)
	}
	came := r.arrivals()
	rep.Edges = make([]preflight.EdgeResult, 0, len(r.edges))
	for _, e := range r.edges {
		rep.Edges = append(rep.Edges, r.judge(e, came))
	}
	explain(rep.Edges)
	rep.Hosts = append(rep.Hosts, r.hostFindings()...)
	rep.Hosts = append(rep.Hosts, bindFindings(rep.Binds)...)
	rep.MTU = r.pathMTU(rep.Edges)
	rep.Hosts = append(rep.Hosts, r.edgeFindings(rep)...)
	rep.Hosts = append(rep.Hosts, r.translated(came)...)
	rep.Hosts = append(rep.Hosts, r.clocks()...)
	rep.Hosts = append(rep.Hosts, r.twins()...)
	r.Levels.Apply(rep.Hosts)
	return rep
}

func (r *round) left() []preflight.LeftOut {
	count := map[string]int{}
	for _, e := range r.edges {
		for _, name := range []string{e.From, e.To} {
			if r.peers[name] == nil {
				count[name]++
			}
		}
	}
	for name := range r.Left {
		count[name] += 0
	}
	var out []preflight.LeftOut
	for name, n := range count {
		why := r.Left[name]
		if why == "" {
			why = "not reached"
		}
		out = append(out, preflight.LeftOut{Host: name, Why: why, Edges: n})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Host < out[j].Host })
	return out
}

func (p *peer) bindResults() []preflight.BindResult {
	var out []preflight.BindResult
	for i, port := range p.ports {
		b := preflight.BindResult{Host: p.name, Port: port, State: preflight.Unbound}
		if i < len(p.binds) && p.err == nil {
			b.State, b.Err, b.Holder = bindState(port, p.binds[i]), p.binds[i].Err, p.binds[i].Holder
		}
		out = append(out, b)
	}
	return out
}

func (r *round) hostFindings() []preflight.Finding {
	var out []preflight.Finding
	unsure := r.unsure()
	for _, name := range r.names {
		p := r.peers[name]
		switch {
		case p.err != nil:
			out = append(out, preflight.NewFinding(preflight.HostLost, name, fmt.Sprintf("%s left during the probe: %v", name, p.err), ""))
		case p.lock != nil:
			out = append(out, preflight.NewFinding(preflight.HostLocked, name, fmt.Sprintf("%s is held by %s since %s for %s: nothing was bound there",
				name, p.lock.Who, p.lock.Since.Format(time.RFC3339), p.lock.For), ""))
		case r.later(name, r.Wait/4) && r.silentAt(name):
			out = append(out, preflight.NewFinding(preflight.Overload, name, fmt.Sprintf("%s heard itself only after %s", name, p.self.RTT.Round(time.Millisecond)), ""))
		case unsure[name] > 0:
			out = append(out, preflight.NewFinding(preflight.Overload, name, fmt.Sprintf("%s got requests on %d edges and answered too late to tell if answers pass", name, unsure[name]), ""))
		}
	}
	return out
}

func (r *round) silentAt(name string) bool {
	for _, e := range r.edges {
		if (e.From == name || e.To == name) && e.dialled && e.res.Outcome == host.Filtered {
			return true
		}
	}
	return false
}

// unsure counts, by host, the edges to it that it was too busy to tell about.
func (r *round) unsure() map[string]int {
	out := map[string]int{}
	for _, e := range r.edges {
		if e.unsure {
			out[e.To]++
		}
	}
	return out
}

func bindFindings(binds []preflight.BindResult) []preflight.Finding {
	var out []preflight.Finding
	busy := map[string]bool{}
	for _, b := range binds {
		want := "free"
		if b.Unit != "" {
			want = "free, or held by " + b.Unit
		}
		switch b.State {
		case preflight.Held:
			out = append(out, preflight.NewFinding(preflight.PortHeld, b.Host, b.String(), want))
		case preflight.Stopped:
			out = append(out, preflight.NewFinding(preflight.HolderStopped, b.Host, b.String(), ""))
		case preflight.Failed:
			out = append(out, preflight.NewFinding(preflight.CannotBind, b.Host, b.String(), want))
		case preflight.Busy:
			if !busy[b.Host] {
				busy[b.Host] = true
				out = append(out, preflight.NewFinding(preflight.ProbeBusy, b.Host, "another run of pmkctl probes "+b.Host+" at this moment", ""))
			}
		}
	}
	return out
}

func (r *round) edgeFindings(rep *preflight.Report) []preflight.Finding {
	var out []preflight.Finding
	for _, s := range preflight.Statements(rep.Edges) {
		id := preflight.Unreached
		switch {
		case s.Verdict == preflight.Lossy:
			id = preflight.Loss
		case s.Verdict == preflight.TooBig:
			id = preflight.SmallPath
		case slices.Equal(s.Ports, []string{overlayProto}):
			id = preflight.OverlayDown
		}
		f := preflight.NewFinding(id, "", s.String(), "")
		f.Cause = s.Detail
		if id == preflight.SmallPath {
			f.Expected, f.Do = advice(rep.MTU)
		}
		out = append(out, f)
	}
	return out
}

// translated finds hosts that others see under another address.
func (r *round) translated(came cameAt) []preflight.Finding {
	seen := map[string]bool{}
	var out []preflight.Finding
	for _, e := range r.edges {
		for _, p := range came.nonces[e.index] {
			if p.from == r.Addresses[e.From] {
				continue
			}
			text := fmt.Sprintf("%s is seen as %s, not %s, by %s", e.From, p.from, r.Addresses[e.From], p.host)
			if seen[text] {
				continue
			}
			seen[text] = true
			out = append(out, preflight.NewFinding(preflight.Translated, e.From, text, ""))
		}
	}
	return out
}
