package spec

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

func (l *loader) decodeHosts(d *decoded) {
	defaults := l.sshDefaults()
	for _, b := range l.all(hostBlock) {
		nodes, ok := l.instances(b, hostBlock)
		d.partial = d.partial || !ok
		for _, n := range nodes {
			l.decodeHost(d, n, defaults)
		}
	}
}

// sshDefaults returns the ssh block at the top; nil if there is none.
func (l *loader) sshDefaults() *node {
	t := find(blocks, "ssh")
	if bs := l.all(t); len(bs) > 0 {
		return l.node(bs[0], t, l.root)
	}
	return nil
}

func (l *loader) decodeHost(d *decoded, n *node, defaults *node) {
	if n.named != (hcl.Range{}) { // a missing label is already reported
		l.checkName(n.label, n.named)
	}
	h := &Host{Name: n.label, Labels: n.strMap("labels"), Range: n.rng}
	h.Address, _ = netip.ParseAddr(n.str("address"))
	for _, r := range n.strs("roles") {
		if !h.Has(Role(r)) {
			h.Roles = append(h.Roles, Role(r))
		}
	}
	d.partial = d.partial || !n.ok("roles") || !n.ok("address")
	if n.ok("roles") && len(h.Roles) == 0 {
		l.add(problem(n.attrs["roles"].at, "No role", "Host %q has no role; write %s, or remove the host.", h.Name, oneOf(roles)))
	}
	for _, t := range n.blocks["taint"] {
		h.Taints = append(h.Taints, Taint{Key: t.str("key"), Value: t.str("value"), Effect: t.str("effect")})
	}
	h.SSH = l.decodeSSH(h, n.block("ssh"), defaults)
	h.Kubelet = l.passthrough(n.block("kubelet"))
	d.Hosts = append(d.Hosts, h)
	d.hosts = append(d.hosts, &decodedHost{h, n.named, n.attrs["address"].at})
}

// A layered node takes each attribute from the first layer that sets it.
type layered []*node

func (ls layered) find(name string) (*node, bool) {
	for _, n := range ls {
		if n != nil && n.attrs[name].set && n.ok(name) {
			return n, true
		}
	}
	return nil, false
}

func (ls layered) str(name, fallback string) string {
	if n, ok := ls.find(name); ok {
		return n.str(name)
	}
	return fallback
}

func (ls layered) int(name string, fallback int) int {
	if n, ok := ls.find(name); ok {
		return n.int(name)
	}
	return fallback
}

func (ls layered) bool(name string, fallback bool) bool {
	if n, ok := ls.find(name); ok {
		return n.attrs[name].True()
	}
	return fallback
}

func (l *loader) decodeSSH(h *Host, own, defaults *node) SSH {
	ls := layered{own, defaults}
	s := SSH{Address: ls.str("address", ""), Port: ls.int("port", 22), User: ls.str("user", "root"), HostKey: ls.str("host_key", "")}
	if s.Address == "" && h.Address.IsValid() {
		s.Address = h.Address.String()
	}
	l.sshFiles(&s, ls)
	s.Become = ls.bool("become", s.User != "root")
	s.BecomePassword = l.becomePassword(ls)
	s.Bastion = l.bastion(ls)
	return s
}

func (l *loader) sshFiles(s *SSH, ls layered) {
	s.Agent = ls.bool("agent", true)
	s.IdentityFile = l.path(ls.str("identity_file", ""))
	s.KnownHosts = l.path(ls.str("known_hosts", "~/.ssh/known_hosts"))
}

func (l *loader) becomePassword(ls layered) Secret {
	n, ok := ls.find("become_password")
	if !ok {
		return Secret{}
	}
	v, _ := n.attrs["become_password"].Unmark()
	l.noteSecret(v)
	return NewSecret(v.AsString())
}

// bastion decodes the login at a bastion. The default of the port is 22; other
// settings default to those of the ssh block around it.
func (l *loader) bastion(around layered) *SSH {
	for _, n := range around {
		if n == nil || n.block("bastion") == nil {
			continue
		}
		own := layered{n.block("bastion")}
		ls := append(own, around...)
		s := &SSH{Address: own.str("address", ""), Port: own.int("port", 22), User: ls.str("user", "root"), HostKey: own.str("host_key", "")}
		l.sshFiles(s, ls)
		return s
	}
	return nil
}

// path makes a path absolute. ~/ is the home folder; other relative paths start
// at the folder of the spec.
func (l *loader) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	base := l.dir
	if rest, ok := strings.CutPrefix(p, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return p // opening it will give an error
		}
		base, p = home, rest
	}
	abs, err := filepath.Abs(filepath.Join(base, p))
	if err != nil {
		return filepath.Join(base, p)
	}
	return abs
}
