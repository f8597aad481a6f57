package hosttest

import (
	"context"
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// Net is the network between the hosts of a cluster. Everything passes until
// a rule says otherwise. Traffic takes no time, and neither does silence.
type Net struct {
	mu     sync.Mutex
	rules  []*Rule
	claims map[netip.Addr]string // addresses at which another host answers
	rounds map[string]*netRound
	dials  map[string]map[Pair]int // by dialling host, because maps of a million entries are slow
}

// A Pair is the two ends of dials.
type Pair struct {
	From, To string // hosts; To is "" if no host has the address
	Proto    string
	Port     int
}

// A netRound is what the hosts have bound in a round of probes.
type netRound struct {
	bound    map[netip.Addr]*netPeer
	arrivals map[string][]host.Arrival // by host
}

type netPeer struct {
	machine string
	says    string // name in its echoes
	ports   map[host.PortSpec]bool
}

// probes are faults that probes of a machine meet.
type probes struct {
	busy int           // number of ProbeListen calls to which another run is in the way
	late time.Duration // how late it receives its own datagrams
}

// Busy makes another run's probe hold the host for the next n calls of
// ProbeListen.
func (h *Host) Busy(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.probes.busy = n
}

// Overload makes the host receive its own datagrams this late.
func (h *Host) Overload(late time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.probes.late = late
}

// Dials returns how many dials each pair had, except Self dials.
func (n *Net) Dials() map[Pair]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := map[Pair]int{}
	for _, dials := range n.dials {
		maps.Copy(out, dials)
	}
	return out
}

// round returns a round, or begins it. n.mu is held.
func (n *Net) round(id string) *netRound {
	r := n.rounds[id]
	if r == nil {
		r = &netRound{bound: map[netip.Addr]*netPeer{}, arrivals: map[string][]host.Arrival{}}
		if n.rounds == nil {
			n.rounds = map[string]*netRound{}
		}
		n.rounds[id] = r
	}
	return r
}

// ProbeListen implements host.Prober.
func (h *Host) ProbeListen(ctx context.Context, r host.ListenRequest) ([]host.Bind, error) {
	var binds []host.Bind
	err := h.read(ctx, "ProbeListen", r.ID, func() error {
		if h.probes.busy > 0 {
			h.probes.busy--
			for _, p := range r.Ports {
				binds = append(binds, host.Bind{PortSpec: p, Busy: true, Err: "another run probes this host"})
			}
			return nil
		}
		peer := &netPeer{machine: h.name, says: r.Host, ports: map[host.PortSpec]bool{}}
		held := h.sockets()
		for _, p := range r.Ports {
			b := h.bindPort(held, p)
			peer.ports[host.PortSpec{Proto: p.Proto, Port: p.Port}] = b.OK || b.Raw
			binds = append(binds, b)
		}
		h.cluster.Net.join(r.ID, peer, h.addresses())
		return nil
	})
	return binds, err
}

func (m *machine) bindPort(held []host.Socket, p host.PortSpec) host.Bind {
	b := host.Bind{PortSpec: p, OK: true}
	for _, s := range held {
		if s.Proto == p.Proto && s.Port == p.Port && overlap(s.Addr, p.Addr) {
			b.OK, b.Err, b.Holder, b.Raw = false, "address already in use", &s, p.Proto == "udp"
			return b
		}
	}
	if wildcard(p.Addr) {
		return b
	}
	for _, a := range append(m.addresses(), "127.0.0.1", "::1") {
		if a == p.Addr {
			return b
		}
	}
	b.OK, b.Err = false, "the address is not on this host"
	return b
}

func wildcard(a string) bool { return a == "" || a == "::" || a == "0.0.0.0" }

func overlap(a, b string) bool { return wildcard(a) || wildcard(b) || a == b }

func (n *Net) join(id string, p *netPeer, addrs []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.round(id)
	for _, a := range addrs {
		if ip, err := netip.ParseAddr(a); err == nil && !ip.IsLoopback() {
			r.bound[ip] = p
		}
	}
}

// ProbeSeen implements host.Prober.
func (h *Host) ProbeSeen(ctx context.Context, r host.SeenRequest) ([]host.Arrival, error) {
	var came []host.Arrival
	err := h.read(ctx, "ProbeSeen", r.ID, func() error {
		came = h.cluster.Net.seen(h.name, r)
		return nil
	})
	return came, err
}

// seen adds up the arrivals of each nonce.
func (n *Net) seen(name string, r host.SeenRequest) (came []host.Arrival) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := map[string]int{}
	for _, nonce := range r.Nonces {
		at[nonce] = -1
	}
	for _, a := range n.round(r.ID).arrivals[name] {
		i, asked := at[a.Nonce]
		switch {
		case a.Half && r.Half, asked && i < 0:
			at[a.Nonce] = len(came)
			came = append(came, a)
		case asked:
			came[i].Count, came[i].Prompt = came[i].Count+a.Count, came[i].Prompt+a.Prompt
		}
	}
	return came
}

// ProbeEnd implements host.Prober.
func (h *Host) ProbeEnd(ctx context.Context, id string) ([]host.Arrival, error) {
	var came []host.Arrival
	err := h.read(ctx, "ProbeEnd", id, func() error {
		came = h.cluster.Net.end(id, h.name)
		return nil
	})
	return came, err
}

func (n *Net) end(id, name string) []host.Arrival {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.rounds[id]
	if r == nil {
		return nil
	}
	came := r.arrivals[name]
	delete(r.arrivals, name)
	return came
}
