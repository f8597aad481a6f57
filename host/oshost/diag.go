package oshost

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// A diagRequest asks the kernel for sockets; sock_diag(7). To read
// /proc/net/tcp makes the kernel walk its table of connections, which takes 5
// ms on a machine with much memory.
type diagRequest struct {
	family, proto byte
	states        uint32
}

// Lengths of inet_diag_req_v2 and inet_diag_msg.
const (
	diagRequestLen = 56
	diagAnswerLen  = 72
)

func (r diagRequest) Len() int { return diagRequestLen }

func (r diagRequest) Serialize() []byte {
	b := make([]byte, diagRequestLen)
	b[0], b[1] = r.family, r.proto
	binary.NativeEndian.PutUint32(b[4:], r.states)
	return b
}

// diagSockets lists the sockets that listen or are bound.
func diagSockets() ([]socket, error) {
	var out []socket
	for _, r := range []diagRequest{
		{unix.AF_INET, unix.IPPROTO_TCP, 1 << 10}, {unix.AF_INET6, unix.IPPROTO_TCP, 1 << 10}, // listening
		{unix.AF_INET, unix.IPPROTO_UDP, 1 << 7}, {unix.AF_INET6, unix.IPPROTO_UDP, 1 << 7}, // not connected
	} {
		req := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
		req.AddData(r)
		answers, err := req.Execute(unix.NETLINK_INET_DIAG, 0)
		if err != nil {
			return nil, fmt.Errorf("ask for sockets: %w", err)
		}
		for _, a := range answers {
			if s, ok := parseDiag(a, r.proto); ok {
				out = append(out, s)
			}
		}
	}
	return out, nil
}

// parseDiag reads an inet_diag_msg; linux/inet_diag.h.
func parseDiag(b []byte, proto byte) (socket, bool) {
	if len(b) < diagAnswerLen {
		return socket{}, false
	}
	addr := netip.AddrFrom4([4]byte(b[8:12]))
	if b[0] == unix.AF_INET6 {
		addr = netip.AddrFrom16([16]byte(b[8:24])).Unmap()
	}
	s := socket{host.Socket{Proto: "tcp", Addr: addr.String(), Port: int(binary.BigEndian.Uint16(b[4:]))},
		strconv.FormatUint(uint64(binary.NativeEndian.Uint32(b[68:])), 10)}
	if proto == unix.IPPROTO_UDP {
		s.Proto = "udp"
	}
	return s, s.Port != 0
}

// canDiag reports whether the kernel answers without loading a module for it,
// which would change the host.
func canDiag() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	dir := filepath.Join("/lib/modules", unix.ByteSliceToString(u.Release[:]))
	if _, err := os.Stat(dir + "/modules.dep"); os.IsNotExist(err) {
		return true // nothing can be loaded
	}
	loaded := words("/proc/modules", 0)
	builtin, err := os.ReadFile(dir + "/modules.builtin")
	for _, m := range []string{"tcp_diag", "udp_diag"} {
		if !loaded[m] && (err != nil || !strings.Contains(string(builtin), "/"+m+".ko")) {
			return false
		}
	}
	return true
}
