package probe

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/pmkctl/pmkctl/host"
)

// A half is a connection that was requested and not completed.
type half struct {
	from netip.AddrPort
	port int
}

const synRecv = "03" // include/net/tcp_states.h

// tableOf returns the file in which the kernel lists the connections of a
// listener at an address. To read it takes the kernel about 10 ms.
func tableOf(listener net.IP) string {
	if listener.To4() != nil {
		return "/proc/thread-self/net/tcp"
	}
	return "/proc/thread-self/net/tcp6"
}

// halfOpen lists the connections to these ports whose SYN arrived and whose
// handshake is not complete.
func halfOpen(ports map[uint16]string) []half {
	var out []half
	for _, name := range slices.Compact(slices.Sorted(maps.Values(ports))) {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			if h, ok := parseHalf(s.Text()); ok && ports[uint16(h.port)] == name {
				out = append(out, h)
			}
		}
		f.Close()
	}
	return out
}

// parseHalf reads a line of /proc/net/tcp: number, local, remote, state.
func parseHalf(line string) (half, bool) {
	f := strings.Fields(line)
	if len(f) < 4 || f[3] != synRecv {
		return half{}, false
	}
	to, ok1 := hexAddrPort(f[1])
	from, ok2 := hexAddrPort(f[2])
	return half{from: from, port: int(to.Port())}, ok1 && ok2
}

func hexAddrPort(s string) (netip.AddrPort, bool) {
	addr, port, ok1 := strings.Cut(s, ":")
	a, ok2 := hexAddr(addr)
	n, err := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(a, uint16(n)), err == nil && ok1 && ok2
}

// hexAddr reads an address as the kernel prints it: in words of four bytes,
// in the machine's byte order.
func hexAddr(s string) (netip.Addr, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b)%4 != 0 {
		return netip.Addr{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	a, ok := netip.AddrFromSlice(b)
	return a.Unmap(), ok
}

// noNeighbour marks the silent dials whose silence is not a firewall's:
// nothing answers to ARP or neighbour discovery at the address.
func noNeighbour(dials []host.Dial, res []host.Dialled) {
	var absent map[netip.Addr]bool
	for i, r := range res {
		if r.Outcome != host.Filtered || dials[i].Self {
			continue
		}
		if absent == nil {
			absent = absentNeighbours()
		}
		a, err := netip.ParseAddr(dials[i].Addr)
		if err == nil && absent[a.Unmap()] {
			res[i].Outcome, res[i].Detail = host.Unreachable, "nobody answers to ARP at the address"
		}
	}
}

func absentNeighbours() map[netip.Addr]bool {
	absent := map[netip.Addr]bool{}
	list, err := netlink.NeighList(0, netlink.FAMILY_ALL)
	if err != nil {
		return absent
	}
	for _, n := range list {
		if n.State&(netlink.NUD_FAILED|netlink.NUD_INCOMPLETE) == 0 {
			continue
		}
		if a, ok := netip.AddrFromSlice(n.IP); ok {
			absent[a.Unmap()] = true
		}
	}
	return absent
}
