package probe

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// ProbeDial dials peers. See host.Prober.
func (p *Prober) ProbeDial(ctx context.Context, req host.DialRequest) ([]host.Dialled, error) {
	r, err := p.begin(req.ID)
	if err != nil {
		return nil, err
	}
	d, err := newDialler(r, req)
	if err != nil {
		return nil, err
	}
	defer d.close()
	out := make([]host.Dialled, len(req.Dials))
	var others, selves sync.WaitGroup
	done := make(chan struct{})
	for i, one := range req.Dials {
		if i%burst == burst-1 {
			rest(ctx, burstPause)
		}
		nonce, err := parseNonce(one.Nonce)
		if err != nil {
			return nil, fmt.Errorf("dial %s: nonce %q: %w", one.Addr, one.Nonce, err)
		}
		wg := &others
		if one.Self {
			wg = &selves
		}
		wg.Go(func() {
			res := d.dial(ctx, one, nonce, done)
			res.Nonce = one.Nonce
			out[i] = res
		})
	}
	others.Wait()
	close(done)
	selves.Wait()
	for i := range out {
		if req.Dials[i].Self {
			out[i].Now, out[i].Took = time.Now(), time.Since(d.began)
		}
	}
	noNeighbour(req.Dials, out)
	return out, ctx.Err()
}

// Hosts send in bursts with pauses, because queues on the way would drop some
// of all that many hosts send at once.
const (
	burst      = 8
	burstPause = time.Millisecond
)

func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// A dialler is shared by the dials of one request.
type dialler struct {
	*round
	from     netip.Addr // not valid: the routes decide
	wait     time.Duration
	slots    chan struct{} // connections at once
	udp      udpSockets
	ping     pinger
	pingFull pinger
	pause    time.Duration // between the datagrams that measure loss on an edge
	call     byte          // number of the request in the round, modulo what a sequence number has room for

	began time.Time
	most  time.Duration
	last  atomic.Int64 // when the last answer came, as time since began
}

// A rhythm says when an unanswered datagram or SYN is sent again: in the
// first half of the wait, so that the answer to the last one has the other
// half.
type rhythm struct {
	sends       int
	every, tail time.Duration
}

func (d *dialler) rhythm(every time.Duration) rhythm {
	every = max(every, d.wait/2/(mostSent/2))
	n := int(d.wait/2/every) + 1
	return rhythm{n, every, d.wait - time.Duration(n-1)*every}
}

// pause returns how long to wait after the number of sends.
func (r rhythm) pause(sent int) time.Duration {
	if sent < r.sends {
		return r.every
	}
	return r.tail
}

// answered notes that an answer came.
func (d *dialler) answered() { d.last.Store(int64(time.Since(d.began))) }

// answering reports whether answers to this host's dials still arrive, so
// that it is worthwhile to wait longer.
func (d *dialler) answering() bool {
	now := time.Since(d.began)
	return now < d.most && now-time.Duration(d.last.Load()) < stillComing
}

// Datagrams that measure loss must not cause it: a host sends two thousand a
// second, and fewer to few peers.
const (
	pauseEach  = 500 * time.Microsecond
	pauseLeast = time.Millisecond
)

// stillComing is the longest pause between answers before they count as
// ended.
const stillComing = 100 * time.Millisecond

func newDialler(r *round, req host.DialRequest) (*dialler, error) {
	d := &dialler{round: r, wait: req.Wait, slots: make(chan struct{}, maxSockets),
		pause: pauseLeast, began: time.Now(), most: req.Most}
	r.mu.Lock()
	d.call = r.calls % (1 << (8 - numberBits))
	r.calls++
	r.mu.Unlock()
	n := 0
	for _, one := range req.Dials {
		if one.Proto == "udp" {
			n++
		}
	}
	d.pause = max(d.pause, time.Duration(n)*pauseEach)
	if d.wait <= 0 {
		d.wait = defWait
	}
	if req.From != "" {
		from, err := netip.ParseAddr(req.From)
		if err != nil {
			return nil, fmt.Errorf("dial from %q: %w", req.From, err)
		}
		d.from = from.Unmap()
	}
	d.udp = udpSockets{d: d, socks: map[udpKind]*udpSocket{}}
	return d, nil
}

func (d *dialler) close() {
	d.ping.close(d)
	d.pingFull.close(d)
}

// source returns the source address for dials to an address.
func (d *dialler) source(to netip.Addr) netip.Addr {
	if d.from.IsValid() && d.from.Is4() == to.Is4() {
		return d.from
	}
	if to.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

func (d *dialler) dial(ctx context.Context, one host.Dial, nonce uint64, done <-chan struct{}) host.Dialled {
	if one.Self {
		return d.dialSelf(ctx, nonce, one.Count, done)
	}
	addr, err := netip.ParseAddr(one.Addr)
	if err != nil {
		return host.Dialled{Outcome: host.Unreachable, Detail: fmt.Sprintf("%q is no address", one.Addr)}
	}
	to := netip.AddrPortFrom(addr.Unmap(), uint16(one.Port))
	switch one.Proto {
	case "tcp":
		return d.dialTCP(ctx, one, nonce, to)
	case "udp":
		return d.dialUDP(ctx, one, nonce, to)
	case "icmp":
		return d.dialICMP(ctx, one, nonce, to.Addr())
	}
	return host.Dialled{Outcome: host.Unreachable, Detail: "unknown protocol " + one.Proto}
}

// dialSelf measures how late this process receives its own datagrams while
// the other dials run, for least datagrams or more. RTT is the longest time
// of all, or the age of a datagram that did not come back. Kernel is the
// longest time in the kernel alone.
func (d *dialler) dialSelf(ctx context.Context, nonce uint64, least int, done <-chan struct{}) host.Dialled {
	res := host.Dialled{Outcome: host.Filtered}
	to := d.self.LocalAddr().String()
	addr, err := netip.ParseAddrPort(to)
	if err != nil {
		return res
	}
	back := make(chan struct{}, 1)
	defer d.await(nonce, func(echo) {
		select {
		case back <- struct{}{}:
		default:
		}
	})()
	for {
		sent := time.Now()
		res.Sent++
		_, _ = d.self.WriteToUDPAddrPort(d.seal(frame{kind: ping, nonce: nonce}), addr)
		select {
		case <-back:
			res.Got++
			res.Outcome = host.OK
		case <-time.After(d.wait):
			res.RTT, res.Kernel = d.wait, max(res.Kernel, d.kernelTook(nonce, sent))
			return res
		case <-ctx.Done():
			return res
		}
		res.RTT, res.Kernel = max(res.RTT, time.Since(sent)), max(res.Kernel, d.kernelTook(nonce, sent))
		over := done
		if res.Sent < least {
			over = nil
		}
		select {
		case <-over:
			return res
		case <-ctx.Done():
			return res
		case <-time.After(resend / 2):
		}
	}
}

// judge returns the outcome of an echo: whether it came from the host that
// should answer.
func judge(want, by string) host.Dialled {
	if want != "" && by != want {
		return host.Dialled{Outcome: host.WrongHost, By: by}
	}
	return host.Dialled{Outcome: host.OK}
}
