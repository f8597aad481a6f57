package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// listen binds one port. If another socket holds a datagram port, a raw
// socket sees what arrives there.
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

// bindError returns only the system's reason; the Bind has the rest.
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

func (r *round) listenUDP(addr string, p host.PortSpec) error {
	any := anyAddr(p.Addr)
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		return rc.Control(func(fd uintptr) {
			roomy(int(fd))
			stampAll(int(fd))
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
	return r.serveUDP(pc.(*net.UDPConn), p.Port, any)
}

// roomy makes a socket's buffers so large that a round's burst is not lost in
// them, and that no datagram waits for an address that is not resolved yet.
func roomy(fd int) {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 4<<20)
}

// serveUDP echoes frames until the socket is closed.
func (r *round) serveUDP(c *net.UDPConn, port int, info bool) error {
	p, err := newPump(c, func(m message) {
		echo, aside := r.handle(arrival{m.data, "udp", m.from, port, m.at, m.late()})
		if echo == nil {
			return
		}
		var src []byte
		if info {
			src = replyFrom(m.oob)
		}
		_, _, _ = c.WriteMsgUDPAddrPort(echo, src, m.from)
		if aside != nil && port != 0 {
			_, _, _ = c.WriteMsgUDPAddrPort(aside, src, netip.AddrPortFrom(m.from.Addr(), uint16(port)))
		}
	})
	if err == nil {
		r.start(p)
	}
	return err
}

// replyFrom turns the control message that says where a datagram arrived into
// the one that sends from there.
func replyFrom(oob []byte) []byte {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for _, m := range msgs {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo:
			// ifindex, spec_dst, addr: the last one was dialled.
			info := unix.Inet4Pktinfo{Spec_dst: [4]byte(m.Data[8:12])}
			return unix.PktInfo4(&info)
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			info := unix.Inet6Pktinfo{Addr: [16]byte(m.Data[:16])}
			return unix.PktInfo6(&info)
		}
	}
	return nil
}
