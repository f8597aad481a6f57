package probe

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/pmkctl/pmkctl/host"
)

// A datagram has the wanted size on the wire, and the packet inside it states
// its true length.
func TestPayload(t *testing.T) {
	c := newCipher("one")
	for _, tt := range []struct {
		shape string
		inner int // offset of an IPv4 header; -1 for none
	}{{"", -1}, {"wireguard", -1}, {"flannel-udp", 0}, {"vxlan", 22}} {
		for _, size := range []int{0, 1400, 1500} {
			for _, to := range []string{"192.0.2.1", "2001:db8::1"} {
				f := c.seal(frame{kind: ping, nonce: 7})
				p := payload(host.Dial{Shape: tt.shape, Size: size}, netip.MustParseAddr(to), f)
				headers := ipv4Header + udpHeader
				if netip.MustParseAddr(to).Is6() {
					headers = ipv6Header + udpHeader
				}
				if size > 0 && len(p)+headers != size {
					t.Errorf("%s %d to %s: %d bytes", tt.shape, size, to, len(p)+headers)
				}
				if got, ok := c.open(p); !ok || got.nonce != 7 {
					t.Errorf("%s %d: the frame is not found", tt.shape, size)
				}
				if tt.inner < 0 {
					continue
				}
				ip := p[tt.inner:]
				if got := int(binary.BigEndian.Uint16(ip[2:])); ip[0] != 0x45 || got != len(ip) {
					t.Errorf("%s %d: the packet inside says %d bytes, has %d", tt.shape, size, got, len(ip))
				}
				if fold(sum(0, ip[:ipv4Header])) != 0xffff {
					t.Errorf("%s %d: the packet inside has a wrong checksum", tt.shape, size)
				}
			}
		}
	}
}
