package probe

import (
	"context"
	"io"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// dialTCP connects. If nothing answers it tries again beside the first
// attempt, because the kernel sends a lost SYN again only after a second. The
// first answer counts.
func (d *dialler) dialTCP(ctx context.Context, one host.Dial, nonce uint64, to netip.AddrPort) host.Dialled {
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return host.Dialled{Outcome: host.Filtered}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := tcpDial{dialler: d, one: one, nonce: nonce, to: to, results: make(chan tcpResult, maxTries)}
	t.begin(ctx)
	return t.run(cancel)
}

// A tcpDial is the attempts to connect to one peer.
type tcpDial struct {
	*dialler
	one     host.Dial
	nonce   uint64
	to      netip.AddrPort
	tries   []*tcpTry
	running int // attempts under way
	results chan tcpResult
	up      atomic.Int64 // when an attempt connected, as time since the dialler began
}

type tcpResult struct {
	host.Dialled
	try int
}

// settle is the time for this process to read what has arrived.
const settle = 15 * time.Millisecond

func (t *tcpDial) run(cancel func()) host.Dialled {
	r := t.rhythm(retryTCP)
	next := time.NewTimer(r.pause(1))
	defer next.Stop()
	last := host.Dialled{Outcome: host.Filtered}
	over := false
	for t.running > 0 {
		select {
		case res := <-t.results:
			t.running--
			switch res.Outcome {
			case host.Filtered:
			case host.Silent:
				last = res.Dialled
			default:
				t.answered()
				return t.answer(res)
			}
		case <-next.C:
			switch pause := t.goOn(r); {
			case pause > 0:
				next.Reset(pause)
			case over:
				cancel()
			default:
				over = true
				next.Reset(settle)
			}
		}
	}
	last.Sent = len(t.tries)
	for _, try := range t.tries {
		last.Ports = append(last.Ports, try.port)
	}
	return last
}

// goOn tries again if that is due, and returns how long to wait then; 0 means
// the end. A connection that stands is not tried again, because the kernel
// itself sends lost data again.
func (t *tcpDial) goOn(r rhythm) time.Duration {
	if up := time.Duration(t.up.Load()); up > 0 {
		if rest := up + r.tail - time.Since(t.began); rest > 0 {
			return rest
		}
	} else if len(t.tries) < r.sends && t.tryAnother() {
		return r.pause(len(t.tries))
	}
	if t.answering() {
		if t.up.Load() == 0 {
			t.tryAnother()
		}
		return 2 * r.every
	}
	return 0
}

// tryAnother starts an attempt beside the others. It returns false if there
// are too many.
func (t *tcpDial) tryAnother() bool {
	if len(t.tries) == maxTries {
		return false
	}
	select {
	case t.slots <- struct{}{}:
		t.begin(t.tries[0].ctx)
		return true
	default:
		return false
	}
}

// answer adds to an outcome how many attempts before it were lost. One or two
// may have waited for the address to be resolved, which is no loss.
func (t *tcpDial) answer(res tcpResult) host.Dialled {
	if res.Outcome != host.OK {
		res.Sent = len(t.tries)
		return res.Dialled
	}
	lost := 0
	for _, earlier := range t.tries[:res.try] {
		if earlier.unanswered() {
			lost++
		}
	}
	res.Sent, res.Got = 1, 1
	if lost > 1 {
		res.Sent += lost
	}
	return res.Dialled
}

// A tcpTry is one attempt to connect.
type tcpTry struct {
	*tcpDial
	ctx    context.Context
	number int
	f      *os.File // nil if there is no socket
	port   int      // source port
	begun  time.Time
}

// begin sends a SYN and starts a goroutine that follows the connection. The
// caller has taken a slot.
func (t *tcpDial) begin(ctx context.Context) {
	try := &tcpTry{tcpDial: t, ctx: ctx, number: len(t.tries), begun: time.Now()}
	t.tries = append(t.tries, try)
	t.running++
	f, res, err := try.connect()
	try.f = f
	go func() {
		defer func() { <-t.slots }()
		if f != nil {
			defer t.drop(f)
			res = try.follow(err)
		}
		t.results <- tcpResult{res, try.number}
	}()
}

// unanswered reports whether the SYN has no answer yet.
func (t *tcpTry) unanswered() (yes bool) {
	if t.f == nil {
		return false
	}
	rc, err := t.f.SyscallConn()
	if err != nil {
		return false
	}
	_ = rc.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		yes = err == nil && info.State == unix.BPF_TCP_SYN_SENT
	})
	return yes
}

// connect begins a connection on a socket of its own. The ICMP type of an
// error is in the socket's error queue, which is lost when net.Dialer closes
// the socket. If f is nil the outcome is final.
func (t *tcpTry) connect() (f *os.File, res host.Dialled, begun error) {
	family := unix.AF_INET
	if t.to.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, host.Dialled{Outcome: host.Filtered, Detail: "open socket: " + err.Error()}, nil
	}
	setRecvErr(fd, t.to.Addr().Is6())
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	err = unix.Bind(fd, toSockaddr(netip.AddrPortFrom(t.source(t.to.Addr()), 0)))
	if err == nil {
		err = unix.Connect(fd, toSockaddr(t.to))
	}
	if here, err := unix.Getsockname(fd); err == nil {
		t.port = int(sockaddr(here).Port())
	}
	f = os.NewFile(uintptr(fd), "probe")
	if !t.keep(f) {
		return nil, host.Dialled{Outcome: host.Filtered}, nil
	}
	return f, res, err
}

// follow waits for the connection and then for the echo on it.
func (t *tcpTry) follow(err error) host.Dialled {
	context.AfterFunc(t.ctx, func() { _ = t.f.SetDeadline(time.Unix(1, 0)) })
	if err == unix.EINPROGRESS {
		err = finish(t.f)
	}
	if err != nil {
		return t.refused(err)
	}
	rtt := time.Since(t.begun)
	t.answered()
	t.up.CompareAndSwap(0, int64(time.Since(t.began)))
	if t.one.Service {
		return host.Dialled{Outcome: host.OK, RTT: rtt}
	}
	if _, err := t.f.Write(t.seal(frame{kind: ping, seq: byte(t.number), nonce: t.nonce})); err != nil {
		return sysOutcome(err)
	}
	f, err := t.readPong(t.f)
	if err != nil || f.nonce != t.nonce {
		r := host.Dialled{Outcome: host.Silent}
		if err != nil && !os.IsTimeout(err) {
			r.Detail = "the connection was closed without an answer"
		}
		return r
	}
	res := judge(t.one.Host, f.name)
	res.RTT = rtt
	return res
}

// refused returns the outcome of a connection that failed.
func (t *tcpTry) refused(err error) host.Dialled {
	res := sysOutcome(err)
	rc, rerr := t.f.SyscallConn()
	if rerr == nil {
		_ = rc.Control(func(fd uintptr) {
			if e, ok := readErrQueue(int(fd)); ok && e.outcome().Outcome != "" {
				res = e.outcome()
			}
		})
	}
	return res
}

func (d *dialler) readPong(c io.Reader) (frame, error) {
	b := make([]byte, maxFrame)
	if _, err := io.ReadFull(c, b[:headLen]); err != nil {
		return frame{}, err
	}
	n := headLen + int(b[7]) + macLen
	if n > maxFrame {
		return frame{}, io.ErrUnexpectedEOF
	}
	if _, err := io.ReadFull(c, b[headLen:n]); err != nil {
		return frame{}, err
	}
	f, ok := d.cipher.open(b[:n])
	if !ok || f.kind != pong {
		return frame{}, io.ErrUnexpectedEOF
	}
	return f, nil
}

// finish waits until the connection stands or has failed.
func finish(f *os.File) error {
	rc, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var state error
	err = rc.Write(func(fd uintptr) bool {
		no, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		switch {
		case err != nil:
			state = err
		case no != 0:
			state = unix.Errno(no)
		default:
			_, err := unix.Getpeername(int(fd))
			if err == unix.ENOTCONN {
				return false
			}
			state = err
		}
		return true
	})
	if err != nil {
		return err
	}
	return state
}

func toSockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: 0}
}
