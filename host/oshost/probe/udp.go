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

type udpSocket struct {
	*net.UDPConn
	d  *dialler
	rc syscall.RawConn

	mu      sync.Mutex
	refused map[netip.AddrPort][]*udpDial // who wants to hear of ICMP errors
}

// A udpDial is one dial under way.
type udpDial struct {
	nonce  uint64
	events chan any // a frame's arrival or an icmpError
}

type echoed struct {
	seq byte
	by  string
	at  time.Time
	// A firewall without state may let echoes pass to the listener's port
	// alone; those of the first datagram do not go there.
	aside bool
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

func (u *udpSockets) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range u.socks {
		u.d.drop(s)
	}
}

func newUDPSocket(d *dialler, k udpKind) (*udpSocket, error) {
	network := "udp4"
	if k.from.Is6() {
		network = "udp6"
	}
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		return rc.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
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
	s.rc, err = s.SyscallConn()
	if err != nil {
		pc.Close()
		return nil, err
	}
	if !d.keep(s) {
		return nil, net.ErrClosed
	}
	go s.read()
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

// read hands echoes to the dials they are for. An error of the socket means
// that ICMP errors wait in its queue.
func (s *udpSocket) read() {
	buf := make([]byte, 65536)
	for {
		n, from, err := s.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			s.drain()
		default:
			s.d.handle(buf[:n], "udp", from, 0)
		}
	}
}

// drain reads the error queue and tells the dials concerned.
func (s *udpSocket) drain() {
	_ = s.rc.Control(func(fd uintptr) {
		for {
			e, ok := readErrQueue(int(fd))
			if !ok {
				return
			}
			s.tell(e)
		}
	})
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
	s, err := d.udp.get(to.Addr(), one.Size > 0)
	if err != nil {
		return sysOutcome(err)
	}
	x := &udpDial{nonce: nonce, events: make(chan any, 64)}
	defer s.watch(to, x)()
	defer d.await(nonce, func(f frame, aside bool) {
		select {
		case x.events <- echoed{f.seq, f.name, time.Now(), aside}:
		default:
		}
	})()
	t := udpTry{dialler: d, s: s, one: one, nonce: nonce, to: to}
	return t.run(ctx, x.events)
}

// A udpTry counts what one dial sends and gets.
type udpTry struct {
	*dialler
	s     *udpSocket
	one   host.Dial
	nonce uint64
	to    netip.AddrPort

	sentAt []time.Time // by sequence
	got    map[byte]bool
	first  *echoed
	rtt    time.Duration
	skip   int           // first datagrams that do not count
	failed *host.Dialled // what the system said
}

// grace is for the echoes of the last datagrams that measure loss.
const grace = 200 * time.Millisecond

func (t *udpTry) run(ctx context.Context, events <-chan any) host.Dialled {
	t.got = map[byte]bool{}
	deadline := time.NewTimer(t.wait)
	defer deadline.Stop()
	next := time.NewTimer(resend)
	defer next.Stop()
	t.send()
	for !t.done() {
		select {
		case e := <-events:
			t.take(e)
			if t.first != nil && len(t.sentAt) < t.one.Count {
				next.Reset(t.pause)
			}
		case <-next.C:
			switch {
			case t.first == nil:
				t.send()
				next.Reset(resend)
			case len(t.sentAt) < t.one.Count:
				t.send()
				next.Reset(t.pause)
				if len(t.sentAt) == t.one.Count {
					deadline.Reset(max(grace, 3*t.rtt))
				}
			}
		case <-deadline.C:
			return t.result()
		case <-ctx.Done():
			return t.result()
		}
	}
	return t.result()
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
	case echoed:
		if t.first == nil {
			t.first = &e
			if e.aside {
				t.skip = int(e.seq)
			}
		}
		if int(e.seq) < t.skip {
			return
		}
		if int(e.seq) < len(t.sentAt) && !t.got[e.seq] {
			t.got[e.seq] = true
			if rtt := e.at.Sub(t.sentAt[e.seq]); t.rtt == 0 || rtt < t.rtt {
				t.rtt = rtt
			}
		}
	case icmpError:
		if r := e.outcome(); r.Outcome != "" {
			t.failed = &r
		}
	}
}

// send sends the next datagram. An error may be that of an earlier one to
// another peer, which the kernel hands to whoever calls next: ask again.
func (t *udpTry) send() {
	seq := len(t.sentAt)
	if seq > 255 {
		return
	}
	t.sentAt = append(t.sentAt, time.Now())
	kind := byte(ping)
	if t.skip > 0 || t.first == nil && seq > 0 {
		kind = pingAgain
	}
	f := t.seal(frame{kind: kind, seq: byte(seq), nonce: t.nonce})
	p := payload(t.one, t.to.Addr(), f)
	var err error
	for range 4 {
		if _, err = t.s.WriteToUDPAddrPort(p, t.to); err == nil {
			return
		}
		t.s.drain()
	}
	if r := sysOutcome(err); r.Outcome != "" && t.first == nil {
		t.failed = &r
	}
}

func (t *udpTry) result() host.Dialled {
	r := host.Dialled{Outcome: host.Filtered}
	switch {
	case t.first != nil:
		r = judge(t.one.Host, t.first.by)
		r.RTT = t.rtt
		r.Sent, r.Got = len(t.sentAt)-t.skip, len(t.got)
		if t.one.Count < 2 { // those after the one that was echoed had no time to be
			r.Sent = 0
			for seq := range t.got {
				r.Sent = max(r.Sent, int(seq)+1-t.skip)
			}
		}
		return r
	case t.failed != nil:
		r = *t.failed
	case t.one.OneWay:
		r.Outcome = host.Sent
	}
	r.Sent = len(t.sentAt)
	return r
}
