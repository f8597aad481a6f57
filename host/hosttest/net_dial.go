package hosttest

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// ProbeDial implements host.Prober.
func (h *Host) ProbeDial(ctx context.Context, r host.DialRequest) ([]host.Dialled, error) {
	var out []host.Dialled
	err := h.read(ctx, "ProbeDial", r.ID, func() error {
		from, err := netip.ParseAddr(r.From)
		if err != nil && r.From != "" {
			return unknown("dial from %q", r.From)
		}
		for _, d := range r.Dials {
			if d.Self {
				out = append(out, host.Dialled{Nonce: d.Nonce, Outcome: host.OK, RTT: max(h.probes.late, 50*time.Microsecond), Sent: 1, Got: 1, Now: h.now()})
				continue
			}
			res := h.cluster.dial(r, h.name, from, d)
			res.Nonce = d.Nonce
			out = append(out, res)
		}
		return nil
	})
	return out, err
}

// dial returns the result of one dial.
func (c *Cluster) dial(req host.DialRequest, from string, src netip.Addr, d host.Dial) host.Dialled {
	addr, err := netip.ParseAddr(d.Addr)
	if err != nil {
		return host.Dialled{Outcome: host.Unreachable, Detail: "no address"}
	}
	c.Net.mu.Lock()
	defer c.Net.mu.Unlock()
	n := &c.Net
	round := n.round(req.ID)
	peer := round.bound[addr]
	pair := Pair{From: from, Proto: d.Proto, Port: d.Port}
	if peer != nil {
		pair.To = peer.machine
	}
	if d.Size == 0 {
		n.count(pair)
	}
	if name, ok := n.claims[addr]; ok {
		peer = round.of(name)
	}
	switch {
	case d.Service && c.serving(d.Addr, strconv.Itoa(d.Port)) == "":
		return host.Dialled{Outcome: host.Refused, Sent: 1}
	case peer == nil && !d.Service:
		return host.Dialled{Outcome: host.Unreachable, Detail: "nobody answers to ARP at the address", Sent: 1}
	}
	arrive := func(half, prompt bool) {
		if d.Service || d.Proto == "icmp" {
			return
		}
		a := host.Arrival{Nonce: d.Nonce, From: src.String(), Port: d.Port, Proto: d.Proto, Count: 1}
		if d.Proto == "udp" {
			a.Count = datagrams
		}
		if prompt {
			a.Prompt = a.Count
		}
		if half {
			a.Nonce, a.Half, a.FromPort = "", true, sourcePort
		}
		round.arrivals[peer.machine] = append(round.arrivals[peer.machine], a)
	}
	for _, r := range n.rules {
		if r.matches(pair, d.Size) {
			return r.apply(d, req.Wait, arrive)
		}
	}
	if d.Service || d.Proto == "icmp" {
		return host.Dialled{Outcome: host.OK, RTT: rtt, Sent: 1, Got: 1}
	}
	if !peer.ports[host.PortSpec{Proto: d.Proto, Port: d.Port}] {
		return host.Dialled{Outcome: host.Refused, Sent: 1, By: d.Addr}
	}
	arrive(false, true)
	res := host.Dialled{Outcome: host.OK, RTT: rtt, Sent: max(1, d.Count), Got: max(1, d.Count)}
	if d.Host != "" && peer.says != d.Host {
		res.Outcome, res.By = host.WrongHost, peer.says
	}
	return res
}

func (n *Net) count(p Pair) {
	if n.dials == nil {
		n.dials = map[string]map[Pair]int{}
	}
	if n.dials[p.From] == nil {
		n.dials[p.From] = map[Pair]int{}
	}
	n.dials[p.From][p]++
}

// datagrams is how many datagrams of a dial arrive at least.
const datagrams = 4

// sourcePort is the source port of all connections.
const sourcePort = 40000

const rtt = 200 * time.Microsecond

func (r *netRound) of(machine string) *netPeer {
	for _, p := range r.bound {
		if p.machine == machine {
			return p
		}
	}
	return nil
}
