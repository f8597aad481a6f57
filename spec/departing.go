package spec

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Removed is the content of a removed block, which describes a departing host.
type Removed struct {
	Name        string
	Unreachable bool      // it will not come back: go on without it
	Range       hcl.Range // of the block
}

// Departing is a host that is in the cluster and no longer in the spec.
type Departing struct {
	Host        *Host
	Unreachable bool // it is given up: its disk is not cleaned
}

// Known is a host in the form of the cluster's inventory.
type Known struct {
	Name    string
	Address netip.Addr // internal
	User    string     // of SSH, like the next two
	At      string     // name or address
	Port    int
	HostKey string // SHA256:... fingerprint
}

// AllHosts returns the hosts of the spec, followed by the departing ones.
func (c *Cluster) AllHosts() []*Host {
	list := slices.Clone(c.Hosts)
	for _, l := range c.Departing {
		list = append(list, l.Host)
	}
	return list
}

// GivenUp reports whether a host departs and will not come back.
func (c *Cluster) GivenUp(name string) bool {
	return slices.ContainsFunc(c.Departing, func(l Departing) bool { return l.Unreachable && l.Host.Name == name })
}

// RemovedOf returns the removed block for a host; nil if there is none.
func (c *Cluster) RemovedOf(name string) *Removed {
	for i := range c.Removed {
		if c.Removed[i].Name == name {
			return &c.Removed[i]
		}
	}
	return nil
}

// HostOf makes a host of an entry of the inventory. Its SSH settings come from
// its removed block, then from the inventory, then from the ssh block at the
// top. The cluster must come from Load.
func (c *Cluster) HostOf(k Known) *Host {
	h := &Host{Name: k.Name, Address: k.Address, Range: c.Range}
	own := c.logins.own[k.Name]
	if r := c.RemovedOf(k.Name); r != nil {
		h.Range = r.Range
	}
	ls := layered{own}
	s := SSH{Address: ls.str("address", k.At), Port: ls.int("port", k.Port), User: ls.str("user", k.User), HostKey: ls.str("host_key", k.HostKey)}
	c.logins.fill(&s, layered{own, c.logins.defaults})
	h.SSH = s
	return h
}

// logins are the ssh blocks at the top and in removed blocks.
type logins struct {
	*loader
	defaults *node
	own      map[string]*node // by host
}

// fill completes SSH settings whose address, port, user and host key are set.
func (l *logins) fill(s *SSH, ls layered) {
	l.sshFiles(s, ls)
	s.Become = ls.bool("become", s.User != "root")
	s.BecomePassword = l.becomePassword(ls)
	s.Bastion = l.bastion(ls)
}

func (l *loader) decodeRemoved(d *decoded) {
	d.logins = &logins{l, l.sshDefaults(), map[string]*node{}}
	for _, b := range l.all(removedBlock) {
		n := l.node(b, removedBlock, l.root)
		name := n.str("host")
		if !n.ok("host") || l.twiceRemoved(d, name, n) {
			continue
		}
		d.Removed = append(d.Removed, Removed{Name: name, Unreachable: n.ok("unreachable") && n.attrs["unreachable"].True(), Range: n.rng})
		d.logins.own[name] = n.block("ssh")
	}
}

func (l *loader) twiceRemoved(d *decoded, name string, n *node) bool {
	if first := d.RemovedOf(name); first != nil {
		l.add(problem(n.rng, "Duplicate removed block", "There is a removed block for host %q at %s already. Write both into one.", name, place(first.Range)))
		return true
	}
	return false
}

// checkRemoved finds hosts that are both declared and removed.
func (l *loader) checkRemoved(d *decoded) {
	for _, r := range d.Removed {
		for _, h := range d.hosts {
			if h.Name == r.Name {
				l.add(problem(r.Range, "Host both declared and removed", "The host %q is declared at %s. Delete this removed block to keep it, or its host block to remove it from the cluster.", r.Name, place(h.Range)))
			}
		}
	}
}

// KnownAs parses a login in the form of the inventory: user@address:port.
func KnownAs(login string) (user, at string, port int, ok bool) {
	user, rest, ok := strings.Cut(login, "@")
	i := strings.LastIndex(rest, ":")
	if !ok || i < 0 {
		return "", "", 0, false
	}
	port, err := strconv.Atoi(rest[i+1:])
	return user, rest[:i], port, err == nil && user != "" && i > 0
}
