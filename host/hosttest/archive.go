package hosttest

import (
	"context"
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/pmkctl/pmkctl/host"
)

// WithArchive makes a host from text, to be kept as testdata/*.txtar:
//
//	# What this host has.
//	-- host --
//	address 192.0.2.11/24
//	user etcd
//	-- /etc/foo.conf 0600 etcd:etcd --
//	content
//	-- /var/lib/foo/ 0700 --
//	-- units --
//	enable foo.service
//	start foo.service
//
// A section whose name begins with / is a file, or a directory if it ends
// with /; missing directories above it are made. The others have one line for
// each thing, which are done in order. Sections with other names than host and
// units are ignored. Lines are
//
//	address CIDR             sysctl NAME=VALUE        user NAME
//	os NAME VERSION          module NAME              group NAME
//	arch NAME                without-module NAME      image NAME
//	swap DEVICE              program NAME             link PATH TARGET
//	skew DURATION             trace ITEM SOURCE WHO WHAT
//	memory BYTES             without-program NAME     service PROGRAM
//	enable UNIT              socket tcp ADDR:PORT PROCESS PID
//	start UNIT               fail UNIT JOURNAL LINE
//	stop UNIT                daemon-reload            without PATH
//
// A number may follow the name of a group, UID:GID that of a user.
func WithArchive(a *txtar.Archive) Option {
	return func(h *Host) {
		for _, f := range a.Files {
			switch {
			case strings.HasPrefix(f.Name, "/"):
				must(h.unpack(f))
			case f.Name == "host" || f.Name == "units":
				if f.Name == "units" {
					must(h.Unit(context.Background(), "", host.Reload))
				}
				for _, line := range strings.Split(string(f.Data), "\n") {
					if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
						continue
					}
					if err := h.obey(line); err != nil {
						panic(fmt.Sprintf("hosttest: %s: %s: %v", f.Name, line, err))
					}
				}
			}
		}
	}
}

// Archive returns the host in the form that WithArchive reads, without
// objects of Kubernetes, journals, and the bytes of private keys. Files end
// with a newline.
func (h *Host) Archive() *txtar.Archive {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := &txtar.Archive{Files: []txtar.File{{Name: "host", Data: []byte(h.hostLines())}}}
	var links strings.Builder
	for _, p := range sortedKeys(h.tree.own) {
		n := h.tree.own[p]
		switch {
		case n == nil:
			fmt.Fprintf(&links, "without %s\n", p)
		case n.kind == host.Link:
			fmt.Fprintf(&links, "link %s %s\n", p, n.target)
		case n.kind == host.Dir:
			a.Files = append(a.Files, txtar.File{Name: fmt.Sprintf("%s/ %04o %s:%s", p, n.mode, n.owner, n.group)})
		case n.kind == host.Regular:
			f := txtar.File{Name: fmt.Sprintf("%s %04o %s:%s", p, n.mode, n.owner, n.group), Data: n.content}
			if n.isSecret() {
				f.Data = []byte("(a private key)\n")
			}
			a.Files = append(a.Files, f)
		}
	}
	for _, name := range sortedKeys(h.units) {
		if h.units[name].active == "active" {
			fmt.Fprintf(&links, "start %s\n", name)
		}
	}
	a.Files = append(a.Files, txtar.File{Name: "units", Data: []byte(links.String())})
	return a
}

// hostLines returns the lines for all that is no file.
func (m *machine) hostLines() string {
	var b strings.Builder
	users := New("bare")
	for _, name := range sortedKeys(m.groups) {
		if _, ok := users.groups[name]; !ok {
			fmt.Fprintf(&b, "group %s %d\n", name, m.groups[name])
		}
	}
	for _, name := range sortedKeys(m.users) {
		if _, ok := users.users[name]; !ok {
			fmt.Fprintf(&b, "user %s %d:%d\n", name, m.users[name].uid, m.users[name].gid)
		}
	}
	for _, l := range m.network.Links {
		if l.Name == "eth0" && len(l.Addrs) > 0 {
			fmt.Fprintf(&b, "address %s\n", l.Addrs[0])
		}
	}
	for _, name := range sortedKeys(m.features) {
		switch f := m.features[name]; {
		case f == users.features[name]:
		case f.Present:
			fmt.Fprintf(&b, "module %s\n", name)
		case !f.Loadable:
			fmt.Fprintf(&b, "without-module %s\n", name)
		}
	}
	for _, name := range sortedKeys(m.sysctls) {
		if v, ok := users.sysctls[name]; !ok || v != m.sysctls[name] {
			fmt.Fprintf(&b, "sysctl %s=%s\n", name, m.sysctls[name])
		}
	}
	for _, name := range m.facts.Swaps {
		fmt.Fprintf(&b, "swap %s\n", name)
	}
	for _, name := range sortedKeys(m.images) {
		fmt.Fprintf(&b, "image %s\n", name)
	}
	for _, s := range m.foreign {
		fmt.Fprintf(&b, "socket %s %s %s %d\n", s.Proto, net.JoinHostPort(s.Addr, strconv.Itoa(s.Port)), s.Process, s.PID)
	}
	return b.String()
}

// unpack makes a file or directory; mode and owner may follow the name.
func (h *Host) unpack(f txtar.File) error {
	words := strings.Fields(f.Name)
	p, mode, owner, group := words[0], uint64(0o644), "", ""
	dir := strings.HasSuffix(p, "/")
	if dir {
		p, mode = path.Clean(p), 0o755
	}
	for _, w := range words[1:] {
		if o, g, ok := strings.Cut(w, ":"); ok {
			owner, group = o, g
			continue
		}
		var err error
		if mode, err = strconv.ParseUint(w, 8, 32); err != nil {
			return fmt.Errorf("%s: mode: %w", f.Name, err)
		}
	}
	if dir {
		return h.MakeDir(context.Background(), host.DirSpec{Path: p, Mode: uint32(mode), Owner: owner, Group: group})
	}
	WithSpec(host.FileSpec{Path: p, Mode: uint32(mode), Owner: owner, Group: group, Content: f.Data})(h)
	return nil
}

// obey executes a line.
func (h *Host) obey(line string) error {
	ctx := context.Background()
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "address":
		WithAddress(rest)(h)
	case "os":
		WithFacts(func(f *host.Facts) { f.OS = rest })(h)
	case "arch":
		WithFacts(func(f *host.Facts) { f.Arch = rest })(h)
	case "swap":
		WithFacts(func(f *host.Facts) { f.Swaps = append(slices.Clone(f.Swaps), rest) })(h)
	case "memory":
		n, err := strconv.ParseInt(rest, 10, 64)
		WithFacts(func(f *host.Facts) { f.Memory = n })(h)
		return err
	case "skew": // sets the clock apart
		var err error
		h.skew, err = time.ParseDuration(rest)
		return err
	case "user":
		name, id, _ := strings.Cut(rest, " ")
		return h.addUser(name, id)
	case "group":
		name, id, _ := strings.Cut(rest, " ")
		return h.addGroup(name, id)
	case "without":
		return h.Remove(ctx, rest)
	case "sysctl":
		name, value, _ := strings.Cut(rest, "=")
		WithSysctl(name, value)(h)
	case "module":
		return h.LoadModule(ctx, rest)
	case "without-module":
		WithFeatures(host.KernelFeature{Name: rest})(h)
	case "image":
		WithImages(rest)(h)
	case "program":
		WithPrograms(rest)(h)
	case "without-program":
		WithoutPrograms(rest)(h)
	case "link":
		p, target, _ := strings.Cut(rest, " ")
		return h.Symlink(ctx, p, target)
	case "service":
		WithService(rest)(h)
	case "socket":
		return h.obeySocket(rest)
	case "fail":
		unit, journal, _ := strings.Cut(rest, " ")
		h.FailStart(unit, journal)
	case "trace": // a log line about a change
		return h.obeyTrace(rest)
	case "enable", "disable": // followed by a reload, as systemctl does
		if err := h.Unit(ctx, rest, host.UnitAction(word)); err != nil {
			return err
		}
		return h.Unit(ctx, "", host.Reload)
	case "start", "stop", "restart", "daemon-reload":
		return h.Unit(ctx, rest, host.UnitAction(word))
	default:
		return fmt.Errorf("unknown word %q", word)
	}
	return nil
}

// obeyTrace reads ITEM SOURCE WHO WHAT, a log line that names the item.
func (h *Host) obeyTrace(rest string) error {
	f := strings.SplitN(rest, " ", 4)
	if len(f) != 4 {
		return fmt.Errorf("trace ITEM SOURCE WHO WHAT")
	}
	t := host.Trace{Time: time.Now().UTC(), Source: f[1], Who: f[2], What: f[3], Names: true}
	if h.readings.traces == nil {
		h.readings.traces = map[string][]host.Trace{}
	}
	h.readings.traces[f[0]] = append(h.readings.traces[f[0]], t)
	return nil
}

func (h *Host) obeySocket(rest string) error {
	var proto, addr, process string
	var pid int
	if _, err := fmt.Sscan(rest, &proto, &addr, &process, &pid); err != nil {
		return err
	}
	ip, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	h.Listen(host.Socket{Proto: proto, Addr: ip, Port: n, Process: process, PID: pid})
	return nil
}
