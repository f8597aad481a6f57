package oshost

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

// Sockets lists the sockets that listen or are bound. A socket whose process
// ends in the meantime is listed without one.
func (h *Host) Sockets(ctx context.Context) ([]host.Socket, error) {
	list, err := listSockets()
	if err != nil {
		return nil, err
	}
	return owned(ctx, list, nil)
}

// holding lists the sockets that prevent binding ports. It searches the
// processes of the expected units first, because a search of all processes on
// a busy host costs 20 ms.
func (h *Host) holding(ctx context.Context, ports []host.PortSpec) ([]host.Socket, error) {
	list, err := listSockets()
	if err != nil {
		return nil, err
	}
	var units []string
	for _, p := range ports {
		if p.Unit != "" && !slices.Contains(units, p.Unit) {
			units = append(units, p.Unit)
		}
	}
	list = slices.DeleteFunc(list, func(s socket) bool {
		return !slices.ContainsFunc(ports, func(p host.PortSpec) bool { return p.Proto == s.Proto && p.Port == s.Port })
	})
	return owned(ctx, list, units)
}

func listSockets() ([]socket, error) {
	if canDiag() {
		if list, err := diagSockets(); err == nil {
			return list, nil
		}
	}
	return procSockets()
}

func procSockets() ([]socket, error) {
	var list []socket
	for _, t := range []struct{ proto, file, state string }{
		{"tcp", "tcp", "0A"}, {"tcp", "tcp6", "0A"}, // listening
		{"udp", "udp", "07"}, {"udp", "udp6", "07"}, // not connected
	} {
		b, err := os.ReadFile("/proc/net/" + t.file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // this host has no IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("list sockets: %w", err)
		}
		list = append(list, parseSockets(string(b), t.proto, t.state)...)
	}
	return list, nil
}

// owned finds the processes that hold sockets. It searches those of units
// first.
func owned(ctx context.Context, list []socket, units []string) ([]host.Socket, error) {
	wanted := map[string]int{} // inode to process
	for _, s := range list {
		if s.inode != "0" { // "0" is a socket of the kernel
			wanted[s.inode] = 0
		}
	}
	if err := holders(ctx, wanted, units); err != nil {
		return nil, err
	}
	out := make([]host.Socket, len(list))
	seen := map[int]host.Socket{}
	for i, s := range list {
		pid := wanted[s.inode]
		if _, ok := seen[pid]; !ok {
			seen[pid] = process(pid)
		}
		p := seen[pid]
		s.PID, s.Process, s.Unit, s.State = p.PID, p.Process, p.Unit, p.State
		out[i] = s.Socket
	}
	return out, nil
}

// A socket is a line of /proc/net/tcp; proc_net(5).
type socket struct {
	host.Socket
	inode string
}

func parseSockets(table, proto, state string) []socket {
	var out []socket
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != state {
			continue
		}
		addr, port, ok := parseAddr(f[1])
		if !ok || port == 0 {
			continue
		}
		out = append(out, socket{host.Socket{Proto: proto, Addr: addr, Port: port}, f[9]})
	}
	return out
}

// parseAddr reads "0100007F:1F90". The address is in words of the machine's
// byte order, which is little-endian where pmkctl runs.
func parseAddr(s string) (addr string, port int, ok bool) {
	a, p, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(a)
	n, perr := strconv.ParseUint(p, 16, 16)
	if err != nil || perr != nil || len(b)%4 != 0 {
		return "", 0, false
	}
	for word := range slices.Chunk(b, 4) {
		slices.Reverse(word)
	}
	ip, ok := netip.AddrFromSlice(b)
	return ip.Unmap().String(), int(n), ok
}

// holders finds a process for each inode. If several processes hold a socket,
// process 1 is the last choice, because it opens sockets for others.
func holders(ctx context.Context, wanted map[string]int, units []string) error {
	remaining := len(wanted)
	for _, pid := range unitProcesses(units) {
		remaining -= claim(wanted, pid)
	}
	if remaining == 0 {
		return nil
	}
	procs, err := names("/proc")
	if err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	for _, p := range procs {
		pid, err := strconv.Atoi(p)
		if err != nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if remaining -= claim(wanted, pid); remaining == 0 {
			return nil
		}
	}
	return nil
}

// claim notes the inodes that a process holds, and counts those that only
// process 1, or no process, held so far.
func claim(wanted map[string]int, pid int) (found int) {
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	fds, err := names(dir)
	if err != nil {
		return 0 // it has ended, or we may not see it
	}
	for _, fd := range fds {
		link, err := os.Readlink(dir + fd)
		if err != nil {
			continue
		}
		inode, ok := strings.CutPrefix(link, "socket:[")
		if !ok {
			continue
		}
		inode = strings.TrimSuffix(inode, "]")
		if have, ok := wanted[inode]; ok && have <= 1 {
			wanted[inode] = pid
			if pid > 1 {
				found++
			}
		}
	}
	return found
}

// unitProcesses returns the processes in the cgroups of system units.
func unitProcesses(units []string) (pids []int) {
	for _, u := range units {
		for _, root := range []string{"/sys/fs/cgroup/systemd/", "/sys/fs/cgroup/"} { // v1, v2
			b, err := os.ReadFile(root + "system.slice/" + u + "/cgroup.procs")
			if err != nil {
				continue
			}
			for pid := range strings.FieldsSeq(string(b)) {
				if n, err := strconv.Atoi(pid); err == nil {
					pids = append(pids, n)
				}
			}
			break
		}
	}
	return pids
}

// process returns the fields of a Socket that describe a process.
func process(pid int) host.Socket {
	s := host.Socket{PID: pid}
	if pid == 0 {
		return s
	}
	dir := fmt.Sprintf("/proc/%d/", pid)
	if b, err := os.ReadFile(dir + "stat"); err == nil {
		s.Process, s.State = parseStat(string(b))
	}
	if len(s.Process) == maxComm {
		s.Process = longName(dir, s.Process)
	}
	if b, err := os.ReadFile(dir + "cgroup"); err == nil {
		s.Unit = parseCgroup(string(b))
	}
	return s
}

// maxComm is the length to which the kernel cuts process names.
const maxComm = 15

// longName returns the program's name if it begins with the cut one.
func longName(dir, cut string) string {
	b, err := os.ReadFile(dir + "cmdline")
	if err != nil {
		return cut
	}
	arg, _, _ := strings.Cut(string(b), "\x00")
	if name := filepath.Base(arg); strings.HasPrefix(name, cut) {
		return name
	}
	return cut
}

// parseStat returns name and state. The name may contain anything, even ")".
func parseStat(s string) (name, state string) {
	from, to := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
	if from < 0 || to < from {
		return "", ""
	}
	if f := strings.Fields(s[to+1:]); len(f) > 0 {
		state = f[0]
		if state == "t" { // stopped by a debugger
			state = "T"
		}
	}
	return s[from+1 : to], state
}

// parseCgroup finds the unit in /proc/PID/cgroup: in systemd's own hierarchy
// on cgroup v1, in the only one on v2.
func parseCgroup(s string) string {
	for line := range strings.Lines(s) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 || f[1] != "name=systemd" && f[0] != "0" {
			continue
		}
		parts := strings.Split(f[2], "/")
		for _, p := range slices.Backward(parts) {
			if strings.HasSuffix(p, ".service") || strings.HasSuffix(p, ".scope") || strings.HasSuffix(p, ".socket") {
				return p
			}
		}
	}
	return ""
}
