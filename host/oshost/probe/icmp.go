package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// An icmpError is an entry of a socket's error queue; ip(7), IP_RECVERR.
type icmpError struct {
	errno  syscall.Errno
	origin uint8
	typ    uint8
	code   uint8
	info   uint32 // the MTU, if the packet is too big
	by     netip.Addr
	to     netip.AddrPort // destination of the packet that caused it
	quote  []byte         // payload of that packet, maybe cut short
}

func setRecvErr(fd int, v6 bool) {
	if v6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
		return
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
}

// readErrQueue takes one entry; ok is false if there is none.
func readErrQueue(fd int) (icmpError, bool) {
	buf := make([]byte, 2048)
	oob := make([]byte, 512)
	n, oobn, _, from, err := unix.Recvmsg(fd, buf, oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return icmpError{}, false
	}
	e := icmpError{quote: buf[:n], to: sockaddr(from)}
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return e, true
	}
	for _, m := range msgs {
		v4 := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR
		v6 := m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		const size = int(unsafe.Sizeof(unix.SockExtendedErr{}))
		if !v4 && !v6 || len(m.Data) < size {
			continue
		}
		e.errno = syscall.Errno(binary.NativeEndian.Uint32(m.Data))
		e.origin, e.typ, e.code = m.Data[4], m.Data[5], m.Data[6]
		e.info = binary.NativeEndian.Uint32(m.Data[8:])
		e.by = offender(m.Data[size:])
	}
	return e, true
}

// offender reads the address that sent the ICMP message.
func offender(b []byte) netip.Addr {
	switch {
	case len(b) >= unix.SizeofSockaddrInet4 && binary.NativeEndian.Uint16(b) == unix.AF_INET:
		return netip.AddrFrom4([4]byte(b[4:8]))
	case len(b) >= unix.SizeofSockaddrInet6 && binary.NativeEndian.Uint16(b) == unix.AF_INET6:
		return netip.AddrFrom16([16]byte(b[8:24]))
	}
	return netip.Addr{}
}

func sockaddr(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// outcome returns what the message means for the dial; RFC 792 and 4443.
func (e icmpError) outcome() host.Dialled {
	d := host.Dialled{}
	if e.by.IsValid() && !e.by.IsUnspecified() {
		d.By = e.by.Unmap().String()
	}
	switch {
	case e.origin == unix.SO_EE_ORIGIN_ICMP && e.typ == 3:
		d.Outcome, d.Detail = icmp4(e.code)
	case e.origin == unix.SO_EE_ORIGIN_ICMP6 && e.typ == 1:
		d.Outcome, d.Detail = icmp6(e.code)
	case e.origin == unix.SO_EE_ORIGIN_ICMP6 && e.typ == 2:
		d.Outcome = host.TooBig
	case e.origin == unix.SO_EE_ORIGIN_LOCAL && e.errno == unix.EMSGSIZE:
		d.Outcome, d.Detail = host.TooBig, "the interface's MTU"
	default: // time exceeded, source quench: the next datagram may pass
		return host.Dialled{}
	}
	if d.Outcome == host.TooBig {
		d.MTU = int(e.info)
	}
	return d
}

func icmp4(code uint8) (host.DialOutcome, string) {
	switch code {
	case 0:
		return host.Unreachable, "ICMP network unreachable"
	case 1:
		return host.Unreachable, "ICMP host unreachable"
	case 2:
		return host.Refused, "ICMP protocol unreachable"
	case 3:
		return host.Refused, "ICMP port unreachable"
	case 4:
		return host.TooBig, ""
	case 9, 10, 13:
		return host.Prohibited, "ICMP administratively prohibited"
	}
	return host.Unreachable, fmt.Sprintf("ICMP destination unreachable, code %d", code)
}

func icmp6(code uint8) (host.DialOutcome, string) {
	switch code {
	case 0:
		return host.Unreachable, "ICMPv6 no route"
	case 1, 5, 6:
		return host.Prohibited, "ICMPv6 administratively prohibited"
	case 4:
		return host.Refused, "ICMPv6 port unreachable"
	}
	return host.Unreachable, fmt.Sprintf("ICMPv6 destination unreachable, code %d", code)
}

// sysOutcome returns what an error of a system call means for the dial.
func sysOutcome(err error) host.Dialled {
	var no syscall.Errno
	switch {
	case err == nil:
		return host.Dialled{}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return host.Dialled{Outcome: host.Filtered}
	case !errors.As(err, &no):
		return host.Dialled{Outcome: host.Unreachable, Detail: err.Error()}
	}
	d := host.Dialled{Detail: no.Error()}
	switch no {
	case unix.ECONNREFUSED, unix.ECONNRESET:
		d.Outcome = host.Refused
	case unix.EPERM, unix.EACCES:
		d.Outcome, d.Detail = host.Prohibited, "this host's own firewall or routes forbid sending"
	case unix.EMSGSIZE:
		d.Outcome = host.TooBig
	case unix.ETIMEDOUT:
		d.Outcome = host.Filtered
	case unix.EADDRNOTAVAIL:
		d.Outcome, d.Detail = host.Unreachable, "the source address is not on this host"
	case unix.ENOBUFS, unix.EAGAIN, unix.ENOMEM:
		return host.Dialled{} // the next one may pass
	default:
		d.Outcome = host.Unreachable
	}
	return d
}
