package probe

import (
	"context"
	"io"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// dialTCP connects; where nothing answers, again beside the first try, since
// the kernel sends a lost SYN again only after a second. The first answer
// counts.
func (d *dialler) dialTCP(ctx context.Context, one host.Dial, nonce uint64, to netip.AddrPort) host.Dialled {
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return host.Dialled{Outcome: host.Filtered}
	}
	ctx, cancel := context.WithTimeout(ctx, d.wait)
	defer cancel()
	results := make(chan host.Dialled, maxTries)
	try := func(n int) {
		defer func() { <-d.slots }()
		r := d.tryTCP(ctx, one, nonce, byte(n), to)
		r.Sent = n + 1
		results <- r
	}
	go try(0)
	tries, left := 1, 1
	again := time.NewTicker(retryTCP)
	defer again.Stop()
	last := host.Dialled{Outcome: host.Filtered}
	for left > 0 {
		select {
		case r := <-results:
			left--
			switch r.Outcome {
			case host.Filtered:
			case host.Silent:
				last = r
			default:
				if r.Outcome == host.OK {
					r.Got = 1
				}
				if r.Outcome == host.OK && (r.RTT > retryTCP/2 || r.Sent < 3) {
					r.Sent = 1 // slow, or the address was not resolved yet: no loss
				}
				return r
			}
		case <-again.C:
			if tries == maxTries || ctx.Err() != nil {
				continue
			}
			select {
			case d.slots <- struct{}{}:
				go try(tries)
				tries++
				left++
			default:
			}
		}
	}
	last.Sent = tries
	return last
}

// tryTCP is one connection.
func (d *dialler) tryTCP(ctx context.Context, one host.Dial, nonce uint64, seq byte, to netip.AddrPort) host.Dialled {
	begin := time.Now()
	c, res := d.connect(ctx, to)
	if c == nil {
		return res
	}
	defer d.drop(c)
	rtt := time.Since(begin)
	if one.Service {
		return host.Dialled{Outcome: host.OK, RTT: rtt}
	}
	if _, err := c.Write(d.seal(frame{kind: ping, seq: seq, nonce: nonce})); err != nil {
		return sysOutcome(err)
	}
	f, err := d.readPong(c)
	if err != nil || f.nonce != nonce {
		r := host.Dialled{Outcome: host.Silent}
		if err != nil && !os.IsTimeout(err) {
			r.Detail = "the connection was closed without an answer"
		}
		return r
	}
	res = judge(one.Host, f.name)
	res.RTT = rtt
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

// connect makes a connection on a socket of its own making: the ICMP type
// of an error stands in the socket's error queue, which is gone once
// net.Dialer has closed it.
func (d *dialler) connect(ctx context.Context, to netip.AddrPort) (*os.File, host.Dialled) {
	family := unix.AF_INET
	if to.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, host.Dialled{Outcome: host.Filtered, Detail: "open socket: " + err.Error()}
	}
	f := os.NewFile(uintptr(fd), "probe")
	if !d.keep(f) {
		return nil, host.Dialled{Outcome: host.Filtered}
	}
	context.AfterFunc(ctx, func() { _ = f.SetDeadline(time.Unix(1, 0)) }) // at the deadline, or before
	setRecvErr(fd, to.Addr().Is6())
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	err = unix.Bind(fd, toSockaddr(netip.AddrPortFrom(d.source(to.Addr()), 0)))
	if err == nil {
		err = unix.Connect(fd, toSockaddr(to))
	}
	if err == unix.EINPROGRESS {
		err = finish(f)
	}
	if err == nil {
		return f, host.Dialled{}
	}
	res := sysOutcome(err)
	rc, rerr := f.SyscallConn()
	if rerr == nil {
		_ = rc.Control(func(fd uintptr) {
			if e, ok := readErrQueue(int(fd)); ok && e.outcome().Outcome != "" {
				res = e.outcome()
			}
		})
	}
	d.drop(f)
	return nil, res
}

// finish waits until a connection stands or failed.
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
