package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// listen binds one port. Where a datagram port is held, a raw socket sees
// what arrives there all the same.
func (r *round) listen(p host.PortSpec) host.Bind {
	b := host.Bind{PortSpec: p}
	addr := net.JoinHostPort(p.Addr, strconv.Itoa(p.Port))
	var err error
	switch p.Proto {
	case "tcp":
		err = r.listenTCP(addr, p.Port)
	case "udp":
		err = r.listenUDP(addr, p)
		if errors.Is(err, unix.EADDRINUSE) {
			b.Raw = r.listenRaw(p) == nil
		}
	default:
		err = errors.New("unknown protocol " + p.Proto)
	}
	b.OK = err == nil
	if err != nil {
		b.Err = bindError(err)
	}
	return b
}

// bindError is the system's reason alone: the rest is in the Bind.
func bindError(err error) string {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return err.Error()
	}
	if no == unix.EADDRNOTAVAIL {
		return "the address is not on this host"
	}
	return no.Error()
}

func (r *round) listenTCP(addr string, port int) error {
	// SO_REUSEADDR is on by default: what waits in TIME_WAIT does not count,
	// what listens does.
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	if !r.keep(l) {
		return net.ErrClosed
	}
	r.mu.Lock()
	r.ports[uint16(port)] = true
	r.mu.Unlock()
	go r.acceptTCP(l, port)
	return nil
}

func (r *round) acceptTCP(l net.Listener, port int) {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of files, or a peer that left early
			time.Sleep(time.Millisecond)
			continue
		}
		if !r.keep(c) {
			return
		}
		go func() {
			defer r.drop(c)
			r.serveTCP(c, port)
		}()
	}
}

// serveTCP echoes one frame, then waits for the peer to leave first, so that
// no port of ours stays in TIME_WAIT.
func (r *round) serveTCP(c net.Conn, port int) {
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, headLen+macLen)
	if _, err := io.ReadFull(c, b); err != nil {
		return
	}
	from, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return
	}
	echo, _ := r.handle(b, "tcp", from, port)
	if echo == nil {
		return
	}
	if _, err := c.Write(echo); err != nil {
		return
	}
	_, _ = c.Read(b[:1])
}

func (r *round) listenUDP(addr string, p host.PortSpec) error {
	any := anyAddr(p.Addr)
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		return rc.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
			if any { // the echo must come from the address that was dialled
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
			}
		})
	}}
	pc, err := lc.ListenPacket(context.Background(), "udp", addr)
	if err != nil {
		return err
	}
	if !r.keep(pc) {
		return net.ErrClosed
	}
	go r.serveUDP(pc.(*net.UDPConn), p.Port, any)
	return nil
}

// serveUDP echoes frames until the socket is closed.
func (r *round) serveUDP(c *net.UDPConn, port int, info bool) {
	buf := make([]byte, 65536)
	oob := make([]byte, 128)
	for {
		n, oobn, _, from, err := c.ReadMsgUDPAddrPort(buf, oob)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // an ICMP error for an echo
			continue
		}
		echo, aside := r.handle(buf[:n], "udp", from, port)
		if echo == nil {
			continue
		}
		var src []byte
		if info {
			src = replyFrom(oob[:oobn])
		}
		_, _, _ = c.WriteMsgUDPAddrPort(echo, src, from)
		if aside != nil && port != 0 {
			_, _, _ = c.WriteMsgUDPAddrPort(aside, src, netip.AddrPortFrom(from.Addr(), uint16(port)))
		}
	}
}

// replyFrom turns the control message that tells where a datagram arrived
// into the one that sends from there.
func replyFrom(oob []byte) []byte {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for _, m := range msgs {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo:
			// ifindex, spec_dst, addr: the last is what was dialled.
			info := unix.Inet4Pktinfo{Spec_dst: [4]byte(m.Data[8:12])}
			return unix.PktInfo4(&info)
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			info := unix.Inet6Pktinfo{Addr: [16]byte(m.Data[:16])}
			return unix.PktInfo6(&info)
		}
	}
	return nil
}
