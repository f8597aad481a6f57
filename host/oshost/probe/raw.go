package probe

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// listenRaw sees the datagrams to a port that another socket holds: a raw
// socket gets a copy of what passed the firewall. The echo is built by hand
// and sent from the port, so that a stateful firewall takes it for the
// answer.
func (r *round) listenRaw(p host.PortSpec) error {
	addr, err := netip.ParseAddr(p.Addr)
	if err != nil || addr.IsUnspecified() {
		return errors.New("a raw socket needs the address")
	}
	addr = addr.Unmap()
	family := unix.AF_INET
	if addr.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_UDP)
	if err != nil {
		return err
	}
	// Nothing may be queued before the filter is attached: on a live cluster
	// all pod traffic goes through the port.
	err = attachFilter(fd, frameFilter(uint32(p.Port), addr.Is6()))
	if err == nil {
		err = unix.Bind(fd, toSockaddr(netip.AddrPortFrom(addr, 0)))
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	stampAll(fd)
	s := &rawSocket{fd: os.NewFile(uintptr(fd), "probe"), addr: addr, port: p.Port}
	pump, err := newPump(s.fd, func(m message) { s.take(r, m) })
	if err != nil {
		s.fd.Close()
		return err
	}
	s.rc = pump.rc
	if !r.keep(s.fd) {
		return net.ErrClosed
	}
	r.start(pump)
	return nil
}

type rawSocket struct {
	fd   *os.File
	rc   syscall.RawConn
	addr netip.Addr
	port int
}

// take answers a datagram that comes with its UDP header.
func (s *rawSocket) take(r *round, m message) {
	b := m.data
	if s.addr.Is4() && len(b) > 0 { // IPv4 raw sockets deliver the IP header too
		b = b[min(int(b[0]&0x0f)*4, len(b)):]
	}
	if len(b) < udpHeader {
		return
	}
	peer := netip.AddrPortFrom(m.from.Addr(), binary.BigEndian.Uint16(b))
	echo, aside := r.handle(arrival{b[udpHeader:], "udp", peer, s.port, m.at, m.late()})
	if echo == nil {
		return
	}
	s.write(echo, peer)
	if aside != nil {
		s.write(aside, netip.AddrPortFrom(peer.Addr(), uint16(s.port)))
	}
}

func (s *rawSocket) write(payload []byte, to netip.AddrPort) {
	b := make([]byte, udpHeader, udpHeader+len(payload))
	binary.BigEndian.PutUint16(b, uint16(s.port))
	binary.BigEndian.PutUint16(b[2:], to.Port())
	binary.BigEndian.PutUint16(b[4:], uint16(udpHeader+len(payload)))
	b = append(b, payload...)
	binary.BigEndian.PutUint16(b[6:], s.checksum(b, to.Addr()))
	_ = s.rc.Control(func(fd uintptr) {
		_ = unix.Sendto(int(fd), b, unix.MSG_DONTWAIT, toSockaddr(netip.AddrPortFrom(to.Addr(), 0)))
	})
}

// checksum is that of a datagram with its pseudo header; RFC 768, RFC 8200.
func (s *rawSocket) checksum(b []byte, to netip.Addr) uint16 {
	c := sum(uint32(unix.IPPROTO_UDP)+uint32(len(b)), s.addr.AsSlice())
	c = sum(sum(c, to.AsSlice()), b)
	if v := ^fold(c); v != 0 {
		return v
	}
	return 0xffff
}

// frameFilter lets only frames to a port through, wherever a shape puts
// them. It is classic BPF; socket(7), SO_ATTACH_FILTER. An IPv4 raw socket
// starts at the IP header, an IPv6 one at the UDP header.
func frameFilter(port uint32, v6 bool) []unix.SockFilter {
	word := binary.BigEndian.Uint32([]byte(magic))
	load := uint16(unix.BPF_LD | unix.BPF_IND)
	head := unix.SockFilter{Code: unix.BPF_LDX | unix.BPF_MSH | unix.BPF_B, K: 0} // X = length of the IP header
	if v6 {
		head = unix.SockFilter{Code: unix.BPF_LDX | unix.BPF_IMM, K: 0}
	}
	f := []unix.SockFilter{
		head,
		{Code: load | unix.BPF_H, K: 2}, // destination port
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: port, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	// A load beyond the end ends the filter with nothing, so near comes first.
	for _, shape := range []string{"", "wireguard", "flannel-udp", "vxlan"} {
		f = append(f,
			unix.SockFilter{Code: load | unix.BPF_W, K: uint32(udpHeader + len(prefix(shape, 0)))},
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: word, Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff})
	}
	return append(f, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0})
}

func attachFilter(fd int, f []unix.SockFilter) error {
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]})
}
