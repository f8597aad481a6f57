package reach

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// dial dials every edge. Edges that end in silence are dialled again until
// the reason of the silence is certain; see settle.
func (r *round) dial(ctx context.Context) {
	for _, p := range r.peers {
		p.mtu = p.linkMTU(p.addr)
	}
	for _, e := range r.edges {
		e.skip, e.service = r.dialMode(e)
		if e.skip == "" && (e.Proto == "udp" && r.Overhead > 0 || e.Proto == icmpProto && r.Routed) {
			e.size = e.from.mtu
		}
	}
	done := 0
	for _, wave := range r.waves() {
		for _, edges := range wave {
			done += len(edges)
		}
		r.pass(ctx, wave, firstPart(r.Wait), 1)
		modules.Progress(ctx, int64(done), int64(len(r.edges)))
	}
	again := r.silent()
	r.observe(ctx, again, false)
	rest := r.Wait - firstPart(r.Wait)
	for _, wait := range []time.Duration{rest, rest, r.Wait * 3 / 2, 4 * r.Wait} {
		if len(again) == 0 || ctx.Err() != nil {
			return
		}
		r.pass(ctx, again, wait, int(min(wait, r.Wait)/selfPause))
		r.observe(ctx, r.silent(), true)
		r.settle(wait)
		again = r.silent()
	}
}

// firstPart returns the part of the wait that all edges get. Silent ones get
// the rest later.
func firstPart(wait time.Duration) time.Duration { return wait * 2 / 5 }

// dialMode returns why an edge is not dialled, or else whether the component
// itself answers.
func (r *round) dialMode(e *edgeState) (skip string, service bool) {
	from, to := e.from, e.to
	switch {
	case from == nil:
		return e.From + " is left out", false
	case to == nil:
		return e.To + " is left out", false
	case from.err != nil:
		return e.From + " left", false
	case to.err != nil:
		return e.To + " left", false
	case to.lock != nil:
		return "an apply holds " + e.To, false
	}
	b := to.bound[portKey{e.Proto, e.Port}]
	switch {
	case e.Proto == overlayProto || e.Proto == icmpProto:
		return "", false
	case b == nil:
		return "nothing is bound on " + e.To, false
	case b.OK || b.Raw:
		return "", false
	case !r.expected(e.Edge, b):
		return "the port is held", false
	case e.Proto == "tcp":
		return "", true
	}
	return "in use by " + preflight.HolderText(b.Holder), false
}

// expected reports whether the right component holds the port.
func (r *round) expected(e preflight.Edge, b *host.Bind) bool {
	for _, p := range r.peers[e.To].ports {
		if p.Proto == e.Proto && p.Port == e.Port && p.Addr == b.Addr {
			return bindState(p, *b) == preflight.InUse
		}
	}
	return false
}

// selfPause is about the pause between datagrams that a host sends to itself.
const selfPause = 20 * time.Millisecond

// pass dials edges, and notes which of them were dialled under load. Each
// host also dials itself, with selves datagrams at least.
func (r *round) pass(ctx context.Context, byHost map[string][]*edgeState, wait time.Duration, selves int) {
	r.dialEdges(ctx, byHost, wait, selves)
	for _, edges := range byHost {
		for _, e := range edges {
			e.late = e.from.kernelLate(lateLoss) || e.to.kernelLate(lateLoss)
		}
	}
}

func (r *round) dialEdges(ctx context.Context, byHost map[string][]*edgeState, wait time.Duration, selves int) {
	samples := r.samples
	r.each(ctx, max(wait, r.Wait)+callTime, func(ctx context.Context, p *peer) error {
		edges := byHost[p.name]
		dials := make([]host.Dial, 0, 2*len(edges)+1)
		for _, e := range edges {
			dials = append(dials, r.dialOf(e, samples))
		}
		for _, e := range edges {
			if e.size > 0 {
				dials = append(dials, r.fullOf(e, e.size, nonce(r.base, kindFull<<kindShift|e.index)))
			}
		}
		slot, _ := slices.BinarySearch(r.names, p.name)
		dials = append(dials, host.Dial{Self: true, Nonce: nonce(^r.base, slot), Count: selves}) // shows load, which is no firewall
		sent := time.Now()
		got, err := r.ask(ctx, p, dials, wait)
		if err != nil {
			return err
		}
		p.self = got[len(got)-1]
		p.setClock(sent, time.Now())
		for i, e := range edges {
			e.res, e.dialled = got[i], true
			e.res.Nonce = "" // a million edges would keep as many strings
		}
		got = got[len(edges):]
		for _, e := range edges {
			if e.size > 0 {
				e.full, got = failure(got[0]), got[1:]
			}
		}
		return nil
	})
}

// failure returns nil if a dial ended well.
func failure(d host.Dialled) *host.Dialled {
	if d.Outcome == host.OK {
		return nil
	}
	return &d
}

// ask makes a host dial.
func (r *round) ask(ctx context.Context, p *peer, dials []host.Dial, wait time.Duration) ([]host.Dialled, error) {
	got, err := p.host.ProbeDial(ctx, host.DialRequest{ID: r.id, From: r.Addresses[p.name], Dials: dials, Wait: wait, Most: r.Wait})
	if err == nil && len(got) != len(dials) {
		err = fmt.Errorf("probe: %d answers for %d dials", len(got), len(dials))
	}
	return got, err
}

func (r *round) dialOf(e *edgeState, samples int) host.Dial {
	d := host.Dial{Proto: e.Proto, Addr: e.to.addr, Port: e.Port, Host: e.To, Nonce: nonce(r.base, e.index),
		Service: e.service, Shape: e.Shape}
	switch e.Proto {
	case overlayProto:
		d.Proto, d.Addr, d.Host = icmpProto, r.overlayAddr(e.to), ""
	case "udp":
		d.Count = samples
		if b := e.to.bound[portKey{e.Proto, e.Port}]; b.Raw {
			d.Count = min(d.Count, heldSamples)
		}
	}
	return d
}
