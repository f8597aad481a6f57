package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// A pinger is the socket for all ICMP echoes of one dialler. Kernels answer
// them, so nothing need listen, and firewalls rarely mind.
type pinger struct {
	once sync.Once
	c    *net.IPConn
	err  error
}

// Types of ICMP; RFC 792.
const (
	echoReply   = 0
	echoRequest = 8
	icmpHeader  = 8
)

func (p *pinger) open(d *dialler) {
	p.c, p.err = net.ListenIP("ip4:icmp", nil)
	if p.err != nil {
		return
	}
	if !d.keep(p.c) {
		p.err = net.ErrClosed
		return
	}
	go p.read(d)
}

// read hands echoes to the dials they are for: their data is a frame of
// ours as it was sent.
func (p *pinger) read(d *dialler) {
	buf := make([]byte, 65536)
	for {
		n, _, err := p.c.ReadFromIP(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil || n < icmpHeader || buf[0] != echoReply:
			continue
		}
		if f, ok := d.cipher.open(buf[icmpHeader:n]); ok && f.kind == icmpEcho {
			d.deliver(f)
		}
	}
}

func (p *pinger) close(d *dialler) {
	if p.c != nil {
		d.drop(p.c)
	}
}

// deliver hands a frame to the dial that waits for it.
func (r *round) deliver(f frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if take := r.waiting[f.nonce]; take != nil {
		take(f, false)
	}
}

// dialICMP asks for an echo again and again until one comes.
func (d *dialler) dialICMP(ctx context.Context, nonce uint64, to netip.Addr) host.Dialled {
	d.ping.once.Do(func() { d.ping.open(d) })
	if d.ping.err != nil || !to.Is4() {
		return host.Dialled{Outcome: host.Unreachable, Detail: "no ICMP socket"}
	}
	echo := make(chan byte, 1)
	defer d.await(nonce, func(f frame, _ bool) {
		select {
		case echo <- f.seq:
		default:
		}
	})()
	deadline := time.After(d.wait)
	var sent []time.Time
	for {
		sent = append(sent, time.Now())
		b := d.echo(nonce, byte(len(sent)-1))
		if _, err := d.ping.c.WriteToIP(b, &net.IPAddr{IP: to.AsSlice()}); err != nil {
			if res := sysOutcome(err); res.Outcome != "" {
				return res
			}
		}
		select {
		case seq := <-echo:
			at := sent[min(int(seq), len(sent)-1)]
			return host.Dialled{Outcome: host.OK, RTT: time.Since(at), Sent: int(seq) + 1, Got: 1}
		case <-time.After(resend):
		case <-deadline:
			return host.Dialled{Outcome: host.Filtered, Sent: len(sent)}
		case <-ctx.Done():
			return host.Dialled{Outcome: host.Filtered, Sent: len(sent)}
		}
	}
}

// echo is an ICMP echo request around a frame.
func (d *dialler) echo(nonce uint64, seq byte) []byte {
	b := make([]byte, icmpHeader, icmpHeader+maxFrame)
	b[0] = echoRequest
	binary.BigEndian.PutUint16(b[4:], uint16(nonce))
	b[7] = seq
	b = append(b, d.seal(frame{kind: icmpEcho, seq: seq, nonce: nonce})...)
	binary.BigEndian.PutUint16(b[2:], ^fold(sum(0, b)))
	return b
}
