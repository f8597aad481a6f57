package probe

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// A pinger is the socket for all ICMP echoes of a dialler, either small ones
// or those with don't-fragment set. Kernels answer them without a listener,
// and firewalls rarely drop them.
type pinger struct {
	once sync.Once
	c    *net.IPConn
	pump *pump
	err  error
}

// Types of ICMP; RFC 792.
const (
	echoReply   = 0
	echoRequest = 8
	icmpHeader  = 8
)

func (p *pinger) open(d *dialler, df bool) {
	p.c, p.err = net.ListenIP("ip4:icmp", nil)
	if p.err != nil {
		return
	}
	if rc, err := p.c.SyscallConn(); err == nil {
		_ = rc.Control(func(fd uintptr) {
			roomy(int(fd))
			if df {
				dontFragment(int(fd), false)
			}
		})
	}
	if !d.keep(p.c) {
		p.err = net.ErrClosed
		return
	}
	pump, err := newPump(p.c, func(m message) { p.take(d, m) })
	if err != nil {
		p.err = err
		return
	}
	p.pump = pump
	go pump.run()
}

// take passes an echo to its dial. The data of the echo are our frame as it
// was sent, after the IP header.
func (p *pinger) take(d *dialler, m message) {
	if len(m.data) == 0 {
		return
	}
	b := m.data[min(int(m.data[0]&0x0f)*4, len(m.data)):]
	if len(b) < icmpHeader || b[0] != echoReply {
		return
	}
	if f, ok := d.cipher.open(b[icmpHeader:]); ok && f.kind == icmpEcho {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.deliver(echo{frame: f, at: m.at})
	}
}

func (p *pinger) close(d *dialler) {
	if p.c != nil {
		d.drop(p.c)
	}
}

// dialICMP sends echo requests until an echo comes.
func (d *dialler) dialICMP(ctx context.Context, one host.Dial, nonce uint64, to netip.Addr) host.Dialled {
	p := &d.ping
	if one.Size > 0 {
		p = &d.pingFull
	}
	p.once.Do(func() { p.open(d, one.Size > 0) })
	if p.err != nil || !to.Is4() {
		return host.Dialled{Outcome: host.Unreachable, Detail: "no ICMP socket"}
	}
	back := make(chan byte, 1)
	defer d.await(nonce, func(e echo) {
		select {
		case back <- e.seq:
		default:
		}
	})()
	deadline := time.After(d.wait)
	var sent []time.Time
	answered := func(seq byte) host.Dialled {
		at := sent[min(int(seq), len(sent)-1)]
		return host.Dialled{Outcome: host.OK, RTT: time.Since(at), Sent: int(seq) + 1, Got: 1}
	}
	for {
		sent = append(sent, time.Now())
		b := d.icmp(nonce, byte(len(sent)-1), one.Size-ipv4Header)
		if _, err := p.c.WriteToIP(b, &net.IPAddr{IP: to.AsSlice()}); err != nil {
			if res := sysOutcome(err); res.Outcome != "" {
				return res
			}
		}
		select {
		case seq := <-back:
			return answered(seq)
		case <-time.After(resend):
		case <-deadline:
			p.pump.drain()
			select {
			case seq := <-back:
				return answered(seq)
			default:
			}
			return host.Dialled{Outcome: host.Filtered, Sent: len(sent)}
		case <-ctx.Done():
			return host.Dialled{Outcome: host.Filtered, Sent: len(sent)}
		}
	}
}

// icmp returns an ICMP echo request around a frame, of at least size bytes.
func (d *dialler) icmp(nonce uint64, seq byte, size int) []byte {
	b := make([]byte, icmpHeader, icmpHeader+maxFrame)
	b[0] = echoRequest
	binary.BigEndian.PutUint16(b[4:], uint16(nonce))
	b[7] = seq
	b = append(b, d.seal(frame{kind: icmpEcho, seq: seq, nonce: nonce})...)
	b = append(b, make([]byte, max(size-len(b), 0))...)
	binary.BigEndian.PutUint16(b[2:], ^fold(sum(0, b)))
	return b
}
