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

// One socket serves all datagrams of a kind that a host sends in a round, so
// a thousand peers cost no thousand sockets.
type udpKind struct {
	from netip.Addr // not specified: left to the routes
	df   bool       // don't fragment
}

type udpSockets struct {
	d     *dialler
	mu    sync.Mutex
	socks map[udpKind]*udpSocket
}

// A udpSocket stays open until the round ends: an echo that comes after its
// dial has ended is an echo still.
type udpSocket struct {
	*net.UDPConn
	d    *dialler
	pump *pump

	mu      sync.Mutex
	refused map[netip.AddrPort][]*udpDial // who wants to hear of ICMP errors
}

// A udpDial is one dial under way.
type udpDial struct {
	nonce  uint64
	events chan any // an echo or an icmpError
}

// get makes the socket of a kind with the first dial that needs it.
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

// dontFragment has datagrams go out whole or not at all, whatever the kernel
// learnt of the path before.
func dontFragment(fd int, v6 bool) {
	if v6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE)
		return
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
}

// drainErrors reads the error queue and tells the dials concerned.
func (s *udpSocket) drainErrors(fd int) {
	for {
		e, ok := readErrQueue(fd)
		if !ok {
			return
		}
		s.tell(e)
	}
}

// tell finds the dial by the nonce that ICMP quotes, or by address.
func (s *udpSocket) tell(e icmpError) {
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

// dialUDP sends a datagram again and again until one is echoed, then as many
// more as were asked for.
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

// A udpTry counts what one dial sends and gets.
type udpTry struct {
	*dialler
	s      *udpSocket
	one    host.Dial
	nonce  uint64
	to     netip.AddrPort
	events <-chan any

	sentAt []time.Time // by number
	noRoom int         // how many the system had no room for
	got    map[int]bool
	first  *echo
	rtt    time.Duration
	skip   int           // first datagrams that do not count
	failed *host.Dialled // what the system said
}

// A sequence number is that of the call and that of the datagram in it, so
// that an echo for an earlier call is not taken for one of this.
const (
	numberBits = 5
	mostSent   = 1 << numberBits
)

// grace is for the echoes of the last datagrams that measure loss.
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

// goOn does what is next when nothing came for a while, and tells for how
// long to wait then; 0 is the end.
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

// collect takes what came and was not read yet: silence is what did not
// come, not what this process had no time for.
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

// done tells if nothing more is awaited.
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

// between is the time from when we sent to when the kernel got the answer.
// If somebody set the clock meanwhile, it is that until now.
func between(sent, got time.Time) time.Duration {
	now := time.Since(sent)
	if d := got.Sub(sent.Round(0)); d > 0 && d < now {
		return d
	}
	return now
}

// send sends the next datagram. An error may be that of an earlier one to
// another peer, which the kernel hands to whoever calls next: ask again.
func (t *udpTry) send() {
	number := len(t.sentAt)
	if number >= mostSent {
		return
	}
	t.sentAt = append(t.sentAt, time.Now())
	kind := byte(ping)
	if t.skip > 0 || t.first == nil && (number > 0 || t.call > 0) {
		kind = pingAgain
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
		if t.one.Count < 2 || r.Got == 0 { // those after the one that was echoed had no time to be
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
