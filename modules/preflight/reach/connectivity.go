package reach

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	mrand "math/rand/v2"
	"slices"
	"sort"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// Connectivity is the probe over all hosts: it binds every port, and dials
// every edge while all listen. It costs three round trips one after the
// other, for each wave of hosts, and three more where something does not
// pass. Hosts that are not in Hosts have their pairs left out.
type Connectivity struct {
	Hosts     map[string]host.Host
	Addresses map[string]string // internal, by host; of those that are not in Hosts too
	Ports     map[string][]preflight.Port
	Edges     []preflight.Edge
	Left      map[string]string // why a host is not in Hosts: "unreachable", "excluded"
	Wait      time.Duration     // for each edge; 0 is 700 ms
	ClockSkew time.Duration     // the most that two clocks may differ; 0 is 2 s
	Overhead  int               // bytes that the network backend puts around a packet; 0 for none
	Routed    bool              // the network backend is routes: the pods' packets go as they are
	Levels    preflight.Levels  // of checks, as the spec has them

	// Holder tells which other run holds a host's lock, nil if none does.
	// Nothing is bound there then. It should cost no round trip. May be nil.
	Holder func(ctx context.Context, name string) (*host.LockRequest, error)

	// Done is given the report of each check. May be nil.
	Done func(*preflight.Report)
}

// Bounds of a round.
const (
	defaultWait = 700 * time.Millisecond
	defaultSkew = 2 * time.Second
	callTime    = 20 * time.Second      // a call to one host, beside the wait itself
	busyTime    = 5 * time.Second       // to wait for another run's probe
	lateLoss    = 50 * time.Millisecond // a kernel that is later proves no loss
	lossBudget  = 1000                  // datagrams on all edges together, to see loss; beyond, what is sent again shows it
	mostSamples = 10                    // on one edge
	heldSamples = 3                     // where the port's holder gets them too
)

// edgeTime is what an edge may cost, in the mean over all: far more than it
// does.
const edgeTime = 100 * time.Microsecond

// Longest is how long a check may take where hosts are silent or die: for
// 1,000 hosts some minutes.
func (c Connectivity) Longest() time.Duration {
	wait := c.Wait
	if wait <= 0 {
		wait = defaultWait
	}
	waves := time.Duration((len(c.Hosts)-2)/wavePeers + 1)
	passes := waves*wait + 2*wait + wait*3/2 + 4*wait + searches*rungWait
	calls := 6 * callTime // listen, dial, look, dial again, measure, end: a host that dies is waited for once
	return busyTime + passes + calls + time.Duration(len(c.Edges))*edgeTime
}

// Check probes and returns what is wrong; h is not used.
func (c Connectivity) Check(ctx context.Context, _ host.Host) (change.Diff, error) {
	r, err := c.Run(ctx)
	if err != nil {
		return nil, err
	}
	if c.Done != nil {
		c.Done(r)
	}
	return preflight.Diff(r.Hosts), nil
}

// Run probes. It fails when ctx ends; whatever else happens is in the
// report.
func (c Connectivity) Run(ctx context.Context) (*preflight.Report, error) {
	begin := time.Now()
	r, err := c.newRound()
	if err != nil {
		return nil, err
	}
	for r.listen(ctx) && time.Since(begin) < busyTime {
		r.end(ctx)
		pause := time.NewTimer(time.Duration(20+mrand.IntN(200)) * time.Millisecond)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if r, err = c.newRound(); err != nil {
			return nil, err
		}
	}
	r.overlay()
	r.dial(ctx)
	r.measure(ctx)
	r.end(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rep := r.report()
	rep.Took = time.Since(begin)
	return rep, nil
}

// A round is one pass over all hosts.
type round struct {
	Connectivity
	id    string
	names []string // of the hosts to be probed, sorted
	peers map[string]*peer
	edges []*edgeState
	base  uint32 // upper half of the nonces

	samples int // datagrams on an edge
}

// A peer is what the round knows of a host.
type peer struct {
	name  string
	slot  int // among the names
	addr  string
	mtu   int // of the interface that has it; 0 if it is not known
	host  host.Host
	ports []preflight.Port
	lock  *host.LockRequest // another run's
	binds []host.Bind
	bound map[portKey]*host.Bind
	err   error // the host left
	facts host.Facts
	net   host.Network
	self  host.Dialled
	came  []host.Arrival
	seen  []host.Arrival // when it was last asked, see look
	clock time.Duration  // how much its clock is before ours at least
	vague time.Duration  // and how much more it may be
	timed bool
}

// An edgeState is an edge under way.
type edgeState struct {
	preflight.Edge
	from, to *peer  // nil where the host is not probed
	index    int    // in the list; the lower half of its nonce
	skip     string // why it is not dialled
	service  bool
	res      host.Dialled
	dialled  bool
	size     int           // of the full-size datagrams; 0 for none
	full     *host.Dialled // what came of them, unless they passed
	passes   int           // the largest that passes, if full-size does not
	late     bool          // one of its hosts was too busy meanwhile to tell loss from load
	silence
}

// A portKey tells the ports of a host apart.
type portKey struct {
	proto string
	port  int
}

func (c Connectivity) newRound() (*round, error) {
	var b [20]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("make round id: %w", err)
	}
	r := &round{Connectivity: c, id: hex.EncodeToString(b[:16]), peers: map[string]*peer{}}
	r.base = uint32(b[16])<<24 | uint32(b[17])<<16 | uint32(b[18])<<8 | uint32(b[19])
	if r.Wait <= 0 {
		r.Wait = defaultWait
	}
	if r.ClockSkew <= 0 {
		r.ClockSkew = defaultSkew
	}
	for name, h := range c.Hosts {
		r.names = append(r.names, name)
		r.peers[name] = &peer{name: name, addr: c.Addresses[name], host: h, ports: c.Ports[name], bound: map[portKey]*host.Bind{}}
	}
	sort.Strings(r.names)
	for i, name := range r.names {
		r.peers[name].slot = i
	}
	r.edges = make([]*edgeState, len(c.Edges))
	all := make([]edgeState, len(c.Edges))
	udp := 0
	for i, e := range c.Edges {
		all[i].Edge, all[i].index, all[i].from, all[i].to = e, i, r.peers[e.From], r.peers[e.To]
		r.edges[i] = &all[i]
		if e.Proto == "udp" {
			udp++
		}
	}
	r.samples = min(max(lossBudget/(udp+1), 1), mostSamples)
	return r, nil
}

// What a nonce is for stands in the upper bits of the index.
const (
	kindShift = 30
	kindEdge  = 0
	kindFull  = 1 // full-size
	kindRung  = 2 // a size that is tried
)

// nonce is 16 hex digits, the index of what it stands for in the lower half.
func nonce(base uint32, index int) string {
	var b [8]byte
	binary.BigEndian.PutUint32(b[:], base)
	binary.BigEndian.PutUint32(b[4:], uint32(index))
	return hex.EncodeToString(b[:])
}

// indexOf reads it back; false if the nonce is not of this base.
func indexOf(base uint32, s string) (kind, index int, ok bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 8 || binary.BigEndian.Uint32(b) != base {
		return 0, 0, false
	}
	i := binary.BigEndian.Uint32(b[4:])
	return int(i >> kindShift), int(i & (1<<kindShift - 1)), true
}

// each runs f for all hosts that are there, at once, and waits: a barrier. A
// host where f fails is out of the round.
func (r *round) each(ctx context.Context, limit time.Duration, f func(context.Context, *peer) error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var wg sync.WaitGroup
	for _, name := range r.names {
		p := r.peers[name]
		if p.err != nil {
			continue
		}
		wg.Go(func() { p.err = f(ctx, p) })
	}
	wg.Wait()
}

// listen binds all ports on all hosts. It tells if another run's probe is in
// the way.
func (r *round) listen(ctx context.Context) (busy bool) {
	r.each(ctx, callTime, func(ctx context.Context, p *peer) error {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() (err error) { p.facts, err = p.host.Facts(ctx); return err })
		if r.Overhead > 0 || r.Routed {
			g.Go(func() (err error) { p.net, err = p.host.Network(ctx); return err })
		}
		g.Go(func() error { return r.bind(ctx, p) })
		return g.Wait()
	})
	for _, p := range r.peers {
		for i, b := range p.binds {
			busy = busy || b.Busy
			if b.Addr == "" || b.Addr == r.Addresses[p.name] { // not the loopback's
				p.bound[portKey{b.Proto, b.Port}] = &p.binds[i]
			}
		}
	}
	return busy
}

func (r *round) bind(ctx context.Context, p *peer) (err error) {
	if r.Holder != nil {
		if p.lock, err = r.Holder(ctx, p.name); err != nil || p.lock != nil {
			return err
		}
	}
	req := host.ListenRequest{ID: r.id, Host: p.name}
	for _, port := range p.ports {
		req.Ports = append(req.Ports, host.PortSpec{Proto: port.Proto, Addr: port.Addr, Port: port.Port, Unit: port.Unit})
	}
	p.binds, err = p.host.ProbeListen(ctx, req)
	if err == nil && len(p.binds) != len(req.Ports) {
		return fmt.Errorf("probe: %d answers for %d ports", len(p.binds), len(req.Ports))
	}
	return err
}

// dial dials every edge, and those again that ended in silence, until it is
// certain what the silence is; see settle.
func (r *round) dial(ctx context.Context) {
	for _, p := range r.peers {
		p.mtu = p.linkMTU(p.addr)
	}
	for _, e := range r.edges {
		e.skip, e.service = r.plan(e)
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
	r.look(ctx, again, false)
	rest := r.Wait - firstPart(r.Wait)
	for _, wait := range []time.Duration{rest, rest, r.Wait * 3 / 2, 4 * r.Wait} {
		if len(again) == 0 || ctx.Err() != nil {
			return
		}
		r.pass(ctx, again, wait, int(min(wait, r.Wait)/selfPause))
		r.look(ctx, r.silent(), true)
		r.settle(wait)
		again = r.silent()
	}
}

// firstPart is the share of the wait that edges get at first; those that are
// silent get the rest.
func firstPart(wait time.Duration) time.Duration { return wait * 2 / 5 }

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

// plan tells how an edge is dialled, or why it is not.
func (r *round) plan(e *edgeState) (skip string, service bool) {
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

// expected tells if the one who holds the port is the one who should.
func (r *round) expected(e preflight.Edge, b *host.Bind) bool {
	for _, p := range r.peers[e.To].ports {
		if p.Proto == e.Proto && p.Port == e.Port && p.Addr == b.Addr {
			return bindState(p, *b) == preflight.InUse
		}
	}
	return false
}

// selfPause is about how long a dial to oneself rests between datagrams.
const selfPause = 20 * time.Millisecond

// pass dials edges, and notes which of them were dialled under load. Each
// host hears itself so many times at least.
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
		dials = append(dials, host.Dial{Self: true, Nonce: nonce(^r.base, slot), Count: selves}) // load is not a firewall
		sent := time.Now()
		got, err := r.ask(ctx, p, dials, wait)
		if err != nil {
			return err
		}
		p.self = got[len(got)-1]
		p.setClock(sent, time.Now())
		for i, e := range edges {
			e.res, e.dialled = got[i], true
			e.res.Nonce = "" // a million of them are memory
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

// failure is a dial that did not end well; nil if it did.
func failure(d host.Dialled) *host.Dialled {
	if d.Outcome == host.OK {
		return nil
	}
	return &d
}

// ask has a host dial.
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

// setClock compares the host's clock at the end of its dials with ours. What
// the call took beside them may have been the answer's way, all of it; the
// call where that was least counts.
func (p *peer) setClock(sent, received time.Time) {
	vague := max(received.Sub(sent)-p.self.Took, 0)
	if p.self.Now.IsZero() || p.timed && vague >= p.vague {
		return
	}
	p.clock, p.vague, p.timed = p.self.Now.Round(0).Sub(received.Round(0)), vague, true
}

// later tells if a host that is there heard itself later than that in the
// last pass.
func (r *round) later(name string, limit time.Duration) bool {
	p := r.peers[name]
	return p != nil && p.err == nil && (p.self.Outcome != host.OK || p.self.RTT > limit)
}

// end releases everything, even if ctx is over.
func (r *round) end(ctx context.Context) {
	r.each(context.WithoutCancel(ctx), callTime/4, func(ctx context.Context, p *peer) (err error) {
		p.came, err = p.host.ProbeEnd(ctx, r.id)
		return err
	})
}
