package lab

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
)

const (
	prefix  = "pmk-lab-"
	network = "pmk-lab"
	label   = "pmkctl.lab" // on everything that the lab makes in Docker
)

// reserved are the networks inside clusters on the lab.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("10.244.0.0/16"), // pods
	netip.MustParsePrefix("10.96.0.0/12"),  // services
}

// ensureNetwork creates the lab's network unless it exists, and returns its
// subnet.
func ensureNetwork(ctx context.Context) (netip.Prefix, error) {
	have, err := docker(ctx, "network", "ls", "--filter", "label="+label, "--filter", "name=^"+network+"$", "--format", "{{.ID}}")
	if err != nil {
		return netip.Prefix{}, err
	}
	if have == "" {
		if err := makeNetwork(ctx); err != nil {
			return netip.Prefix{}, err
		}
	}
	subnet, err := docker(ctx, "network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", network)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.ParsePrefix(subnet)
}

func makeNetwork(ctx context.Context) error {
	taken, err := routes()
	if err != nil {
		return err
	}
	subnet, err := freeSubnet(append(taken, reserved...))
	if err != nil {
		return err
	}
	_, err = docker(ctx, "network", "create", "--label", label, "--driver", "bridge", "--subnet", subnet.String(), network)
	return err
}

// freeSubnet returns a private /24 that overlaps with nothing in taken.
func freeSubnet(taken []netip.Prefix) (netip.Prefix, error) {
	for n := range 256 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 30, byte(n), 0}), 24)
		if !overlapsAny(p, taken) {
			return p, nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("find a free subnet: all of 172.30.0.0/16 is taken")
}

func overlapsAny(p netip.Prefix, all []netip.Prefix) bool {
	for _, q := range all {
		if p.Overlaps(q) {
			return true
		}
	}
	return false
}

// routes returns the networks that the machine has routes to, without the
// default route.
func routes() ([]netip.Prefix, error) {
	f, err := os.Open("/proc/net/route")
	if err != nil {
		return nil, fmt.Errorf("read the routes: %w", err)
	}
	defer f.Close()
	var all []netip.Prefix
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if p, ok := parseRoute(lines.Text()); ok && p.Bits() > 0 {
			all = append(all, p)
		}
	}
	return all, lines.Err()
}

// parseRoute reads a line of /proc/net/route. Addresses there are hex numbers
// in the byte order of the machine.
func parseRoute(line string) (netip.Prefix, bool) {
	f := strings.Fields(line)
	if len(f) < 8 {
		return netip.Prefix{}, false
	}
	dst, err1 := hex.DecodeString(f[1])
	mask, err2 := hex.DecodeString(f[7])
	if err1 != nil || err2 != nil || len(dst) != 4 || len(mask) != 4 {
		return netip.Prefix{}, false
	}
	var a, m [4]byte
	binary.NativeEndian.PutUint32(a[:], binary.BigEndian.Uint32(dst))
	binary.NativeEndian.PutUint32(m[:], binary.BigEndian.Uint32(mask))
	ones, _ := net.IPMask(m[:]).Size()
	return netip.PrefixFrom(netip.AddrFrom4(a), ones), true
}

// freePort returns a port of 127.0.0.1 that is not in use, and adds it to
// taken.
func freePort(taken map[int]bool) (int, error) {
	for port := firstPort; port < firstPort+1000; port++ {
		if taken[port] {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		taken[port] = true
		return port, l.Close()
	}
	return 0, fmt.Errorf("find a free port: all of 127.0.0.1:%d to %d are taken", firstPort, firstPort+999)
}

// firstPort is below the ports that the kernel chooses itself.
const firstPort = 22010
