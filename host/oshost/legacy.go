package oshost

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// The older iptables keeps its rules apart from nftables, in tables that are
// read as one block; linux/netfilter_ipv4/ip_tables.h. Both may be in use.
const (
	soGetInfo    = 64 // IPT_SO_GET_INFO and IP6T_SO_GET_INFO
	soGetEntries = 65
	tableName    = 32 // bytes
	infoSize     = tableName + 4 + 5*4 + 5*4 + 4 + 4
	entriesStart = 40 // of struct ipt_get_entries: name, size, and up to a multiple of 8
	targetHeader = 32
	mostEntries  = 64 << 20
)

// A legacy is the layout of one of the two families.
type legacy struct {
	family        string
	domain, level int
	names         string // the file that lists the loaded tables
	match         int    // bytes of addresses and interfaces at the start of an entry
	entry         int    // bytes of an entry without matches and target
}

var legacies = []legacy{
	{"ip", unix.AF_INET, unix.IPPROTO_IP, "/proc/thread-self/net/ip_tables_names", 84, 112},
	{"ip6", unix.AF_INET6, unix.IPPROTO_IPV6, "/proc/thread-self/net/ip6_tables_names", 136, 168},
}

// legacyChains returns the chains of the table filter if it is loaded. To ask
// for it otherwise would load it.
func legacyChains() (out []host.Chain, err error) {
	for _, l := range legacies {
		loaded, err := os.ReadFile(l.names)
		if err != nil || !slices.Contains(strings.Fields(string(loaded)), "filter") {
			continue
		}
		chains, err := l.chains()
		if err != nil {
			return nil, err
		}
		out = append(out, chains...)
	}
	return out, nil
}

func (l legacy) chains() ([]host.Chain, error) {
	fd, err := unix.Socket(l.domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	for range 10 { // the table may change between the two calls
		info := make([]byte, infoSize)
		copy(info, "filter")
		if err := getsockopt(fd, l.level, soGetInfo, info); err != nil {
			return nil, err
		}
		size := binary.NativeEndian.Uint32(info[infoSize-4:])
		if size > mostEntries {
			return nil, fmt.Errorf("a table of %d bytes is too large", size)
		}
		block := make([]byte, entriesStart+int(size))
		copy(block, "filter")
		binary.NativeEndian.PutUint32(block[tableName:], size)
		err := getsockopt(fd, l.level, soGetEntries, block)
		if errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return l.parse(info, block[entriesStart:]), nil
	}
	return nil, unix.EAGAIN
}

func getsockopt(fd, level, name int, b []byte) error {
	size := uint32(len(b))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
		uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// parse reads policies and last rules. A chain that the kernel calls begins
// at the entry of its hook and ends with its policy, the underflow.
func (l legacy) parse(info, entries []byte) (out []host.Chain) {
	for _, h := range []struct {
		hook int
		name string
	}{{unix.NF_INET_LOCAL_IN, "INPUT"}, {unix.NF_INET_FORWARD, "FORWARD"}} {
		at := func(from int) int { return int(binary.NativeEndian.Uint32(info[tableName+4+from+4*h.hook:])) }
		begin, end := at(0), at(5*4)
		c := host.Chain{Family: l.family, Table: "filter", Name: h.name, Hook: strings.ToLower(h.name), Policy: "accept"}
		for i := begin; i <= end; {
			next, all, does := l.rule(entries, i)
			if next == 0 {
				return out // an unknown layout
			}
			switch {
			case i == end && does == "drop":
				c.Policy = "drop"
			case i < end && all:
				c.Last = does
			case i < end:
				c.Last = ""
			}
			i += next
		}
		out = append(out, c)
	}
	return out
}

// rule reads an entry: its size, whether it matches all packets, and what it
// does if it stops them.
func (l legacy) rule(entries []byte, at int) (size int, all bool, does string) {
	if at < 0 || len(entries)-at < l.entry+targetHeader {
		return 0, false, ""
	}
	e := entries[at:]
	target, next := int(binary.NativeEndian.Uint16(e[l.match+4:])), int(binary.NativeEndian.Uint16(e[l.match+6:]))
	if target < l.entry || next < target+targetHeader || next > len(e) {
		return 0, false, ""
	}
	all = target == l.entry && len(bytes.Trim(e[:l.match], "\x00")) == 0
	name, _, _ := bytes.Cut(e[target+2:target+targetHeader], []byte{0})
	switch {
	case string(name) == "REJECT":
		does = "reject"
	case len(name) == 0 && next >= target+targetHeader+4 && int32(binary.NativeEndian.Uint32(e[target+targetHeader:])) == -verdictDrop-1:
		does = "drop"
	}
	return next, all, does
}
