package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// A udpKind is a kind of datagrams. One socket serves all of a kind in a
// round, so a thousand peers do not cost a thousand sockets.
type udpKind struct {
	from netip.Addr // unspecified: the routes decide
	df   bool       // don't fragment
}

type udpSockets struct {
	d     *dialler
	mu    sync.Mutex
	socks map[udpKind]*udpSocket
}

// A udpSocket stays open until the round ends, because echoes that come after
// the end of their dial count too.
type udpSocket struct {
	*net.UDPConn
	d    *dialler
	pump *pump

	mu      sync.Mutex
	refused map[netip.AddrPort][]*udpDial // dials to notify of ICMP errors
}

// A udpDial is a dial under way.
type udpDial struct {
	nonce  uint64
	events chan any // an echo or an icmpError
}

// get returns the socket of a kind, which the first dial of the kind makes.
func (u *udpSockets) get(to netip.Addr, df bool) (*udpSocket, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	k := udpKind{from: u.d.source(to), df: df}
	if s := u.socks[k]; s != nil {
		return s, nil
	}
	s, err := newUDPSocket(u.d, k)
	if err != nil {
		return nil, err
	}
	u.socks[k] = s
	return s, nil
}

func newUDPSocket(d *dialler, k udpKind) (*udpSocket, error) {
	network := "udp4"
	if k.from.Is6() {
		network = "udp6"
	}
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		return rc.Control(func(fd uintptr) {
			roomy(int(fd))
			stampAll(int(fd))
			setRecvErr(int(fd), k.from.Is6())
			if k.df {
				dontFragment(int(fd), k.from.Is6())
			}
		})
	}}
	pc, err := lc.ListenPacket(context.Background(), network, netip.AddrPortFrom(k.from, 0).String())
	if err != nil {
		return nil, err
	}
	s := &udpSocket{UDPConn: pc.(*net.UDPConn), d: d, refused: map[netip.AddrPort][]*udpDial{}}
	s.pump, err = newPump(s, func(m message) { d.handle(arrival{data: m.data, proto: "udp", from: m.from, at: m.at}) })
	if err != nil {
		pc.Close()
		return nil, err
	}
	s.pump.fail = s.drainErrors
	if !d.keep(s) {
		return nil, net.ErrClosed
	}
	d.start(s.pump)
	return s, nil
}

// dontFragment makes the kernel send datagrams whole or not at all, whatever
// it has learnt of the path before.
func dontFragment(fd int, v6 bool) {
	if v6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE)
		return
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
}

// drainErrors reads the error queue and notifies the dials.
func (s *udpSocket) drainErrors(fd int) {
	for {
		e, ok := readErrQueue(fd)
		if !ok {
			return
		}
		s.notify(e)
	}
}

// notify finds the dials of an ICMP error by the nonce that it quotes, or by
// address.
func (s *udpSocket) notify(e icmpError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	nonce, known := s.d.nonceIn(e.quote)
	for _, d := range s.refused[e.to] {
		if known && d.nonce != nonce {
			continue
		}
		select {
		case d.events <- e:
		default:
		}
	}
}

func (s *udpSocket) watch(to netip.AddrPort, d *udpDial) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[to] = append(s.refused[to], d)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refused[to] = slices.DeleteFunc(s.refused[to], func(x *udpDial) bool { return x == d })
	}
}

// dialUDP sends datagrams until an echo comes, then as many more as were
// requested.
func (d *dialler) dialUDP(ctx context.Context, one host.Dial, nonce uint64, to netip.AddrPort) host.Dialled {
	if m := d.belated(nonce); m != nil {
		return m.outcome(one)
	}
	s, err := d.udp.get(to.Addr(), one.Size > 0)
	if err != nil {
		return sysOutcome(err)
	}
	x := &udpDial{nonce: nonce, events: make(chan any, 64)}
	defer s.watch(to, x)()
	defer d.await(nonce, func(e echo) {
		select {
		case x.events <- e:
		default:
		}
	})()
	t := udpTry{dialler: d, s: s, one: one, nonce: nonce, to: to, events: x.events, got: map[int]bool{}}
	res := t.run(ctx)
	if res.Outcome == host.Filtered {
		d.miss(nonce, t.sentAt[0])
	}
	return res
}

// A udpTry counts what a dial sends and receives.
type udpTry struct {
	*dialler
	s      *udpSocket
	one    host.Dial
	nonce  uint64
	to     netip.AddrPort
	events <-chan any

	sentAt []time.Time // when each datagram was sent
	noRoom int         // datagrams that the system had no room for
	got    map[int]bool
	first  *echo
	rtt    time.Duration
	skip   int           // number of first datagrams that do not count
	failed *host.Dialled // outcome of an error; nil if none
}

// A sequence number is the number of the ProbeDial call and that of the
// datagram in it, so that an echo for an earlier call is recognized.
const (
	numberBits = 5
	mostSent   = 1 << numberBits
)

// grace is the least time for the echoes of the last datagrams that measure
// loss.
const grace = 200 * time.Millisecond

func (t *udpTry) run(ctx context.Context) host.Dialled {
	t.send()
	next := time.NewTimer(t.rhythm(resend).pause(1))
	defer next.Stop()
	for !t.done() {
		select {
		case e := <-t.events:
			t.take(e)
			if t.first != nil && len(t.sentAt) < t.one.Count {
				next.Reset(t.pause)
			}
		case <-next.C:
			pause := t.goOn()
			if pause == 0 {
				return t.result()
			}
			next.Reset(pause)
		case <-ctx.Done():
			return t.result()
		}
	}
	return t.result()
}

// goOn sends the next datagram if that is due, and returns how long to wait
// then; 0 means the end.
func (t *udpTry) goOn() time.Duration {
	r := t.rhythm(resend)
	if t.first == nil && len(t.sentAt) >= r.sends {
		t.collect()
	}
	switch {
	case t.done():
		return 0
	case t.first == nil && len(t.sentAt) < r.sends:
		t.send()
		return r.pause(len(t.sentAt))
	case t.first == nil && t.answering() && len(t.sentAt) < mostSent:
		t.send()
		return 2 * r.every
	case t.first != nil && len(t.sentAt) < t.one.Count:
		t.send()
		if len(t.sentAt) == t.one.Count {
			return max(grace, 3*t.rtt)
		}
		return t.pause
	}
	t.collect()
	return 0
}

// collect takes what has arrived and was not read yet. Silence means that
// nothing arrived, not that this process had no time to read.
func (t *udpTry) collect() {
	t.s.pump.drain()
	for {
		select {
		case e := <-t.events:
			t.take(e)
		default:
			return
		}
	}
}

// done reports whether nothing more is expected.
func (t *udpTry) done() bool {
	switch {
	case t.first == nil:
		return t.failed != nil
	case t.one.Count < 2:
		return true
	}
	return len(t.sentAt) >= t.one.Count && len(t.got) >= len(t.sentAt)-t.skip
}

func (t *udpTry) take(e any) {
	switch e := e.(type) {
	case echo:
		t.answered()
		number := int(e.seq) & (mostSent - 1)
		if t.first == nil {
			t.first = &e
			if e.aside {
				t.skip = number
			}
		}
		if e.seq>>numberBits != t.call || number < t.skip || number >= len(t.sentAt) || t.got[number] {
			return
		}
		t.got[number] = true
		if rtt := between(t.sentAt[number], e.at); t.rtt == 0 || rtt < t.rtt {
			t.rtt = rtt
		}
	case icmpError:
		if r := e.outcome(); r.Outcome != "" {
			t.failed = &r
		}
	}
}

// between returns the time from our sending to the kernel's receiving of the
// answer. If the clock was set in the meantime, it returns the time until
// now.
func between(sent, got time.Time) time.Duration {
	now := time.Since(sent)
	if d := got.Sub(sent.Round(0)); d > 0 && d < now {
		return d
	}
	return now
}

// send sends the next datagram. An error may belong to an earlier datagram to
// another peer, because the kernel returns it from the next call, so send
// tries again.
func (t *udpTry) send() {
	number := len(t.sentAt)
	if number >= mostSent {
		return
	}
	t.sentAt = append(t.sentAt, time.Now())
	kind := byte(ping)
	if t.skip > 0 || t.first == nil && (number > 0 || t.call > 0) {
		kind = pingAside
	}
	f := t.seal(frame{kind: kind, seq: t.call<<numberBits | byte(number), nonce: t.nonce})
	p := payload(t.one, t.to.Addr(), f)
	var err error
	for range 4 {
		if _, err = t.s.WriteToUDPAddrPort(p, t.to); err == nil {
			return
		}
		t.s.pump.drain()
	}
	if errors.Is(err, unix.ENOBUFS) {
		t.noRoom++
	}
	if r := sysOutcome(err); r.Outcome != "" && t.first == nil {
		t.failed = &r
	}
}

func (t *udpTry) result() host.Dialled {
	r := host.Dialled{Outcome: host.Filtered}
	switch {
	case t.first != nil:
		r = judge(t.one.Host, t.first.name)
		r.RTT = t.rtt
		if m := t.belated(t.nonce); r.RTT == 0 && m != nil { // an echo for an earlier call
			r.RTT = between(m.sent, m.echo.at)
		}
		r.Sent, r.Got = len(t.sentAt)-t.skip, len(t.got)
		if t.one.Count < 2 || r.Got == 0 { // datagrams after the echoed one had no time for an echo
			r.Sent, r.Got = 1, 1
			for number := range t.got {
				r.Sent = max(r.Sent, number+1-t.skip)
			}
		}
		return r
	case t.failed != nil:
		r = *t.failed
	case t.noRoom == len(t.sentAt):
		r = host.Dialled{Outcome: host.Unreachable, Detail: "this host has no room to send: is its table of neighbours full?"}
	case t.one.OneWay:
		r.Outcome = host.Sent
	}
	r.Sent = len(t.sentAt)
	return r
}
