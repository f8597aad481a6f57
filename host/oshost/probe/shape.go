package probe

import (
	"encoding/binary"
	"net/netip"

	"github.com/pmkctl/pmkctl/host"
)

// Bytes of a datagram beside its payload.
const (
	udpHeader  = 8
	ipv4Header = 20
	ipv6Header = 40
)

// payload makes a frame look like the port's own traffic and fills it up to
// the wanted size.
func payload(d host.Dial, to netip.Addr, f []byte) []byte {
	size := d.Size - udpHeader - ipv4Header
	if to.Is6() {
		size = d.Size - udpHeader - ipv6Header
	}
	if more := size - len(prefix(d.Shape, 0)) - len(f); more > 0 {
		f = append(f, make([]byte, more)...)
	}
	return append(prefix(d.Shape, len(f)), f...)
}

// prefix returns what comes before the frame. The network 192.0.2.0/24 is for
// documentation, so no host has an address in it.
func prefix(shape string, n int) []byte {
	switch shape {
	case "vxlan":
		// Flags, then network identifier 0xffffff. No device of the host has
		// it, so the kernel drops the packet.
		b := []byte{0x08, 0, 0, 0, 0xff, 0xff, 0xff, 0}
		b = append(b, 0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0)
		return append(b, inner(64, n)...)
	case "flannel-udp":
		// The time to live is 1, so flanneld drops it.
		return inner(1, n)
	case "wireguard":
		// No message of WireGuard has this type, so WireGuard drops it.
		return []byte{0xff, 0, 0, 0}
	}
	return nil
}

// inner returns an IPv4 and a UDP header for n bytes.
func inner(ttl byte, n int) []byte {
	b := make([]byte, ipv4Header+udpHeader)
	b[0], b[8], b[9] = 0x45, ttl, 17
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)+n))
	copy(b[12:], []byte{192, 0, 2, 1, 192, 0, 2, 2})
	binary.BigEndian.PutUint16(b[10:], ^fold(sum(0, b[:ipv4Header])))
	binary.BigEndian.PutUint16(b[20:], 9)
	binary.BigEndian.PutUint16(b[22:], 9)
	binary.BigEndian.PutUint16(b[24:], uint16(udpHeader+n))
	return b
}

// sum and fold are the Internet checksum, RFC 1071.
func sum(s uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
