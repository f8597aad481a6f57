package hosttest

import (
	"io/fs"
	"path"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// A node is what is at a path. It is never changed once it is in a tree, so
// trees share nodes.
type node struct {
	kind    host.FileType
	mode    uint32
	owner   string
	group   string
	mtime   time.Time
	content []byte
	target  string
	secret  bool
}

// A tree is files by path: those that all hosts share, and those that differ
// here. A nil node is deleted.
type tree struct {
	base map[string]*node
	own  map[string]*node
}

// get returns the node at a clean path whose directories are no links.
func (t *tree) get(p string) *node {
	if n, ok := t.own[p]; ok {
		return n
	}
	return t.base[p]
}

func (t *tree) put(p string, n *node) {
	if t.own == nil {
		t.own = map[string]*node{}
	}
	if n == nil && t.base[p] == nil {
		delete(t.own, p)
		return
	}
	t.own[p] = n
}

// children returns the names in a directory, sorted.
func (t *tree) children(dir string) []string {
	prefix := strings.TrimSuffix(dir, "/") + "/"
	var names []string
	add := func(p string) {
		if rest, ok := strings.CutPrefix(p, prefix); ok && rest != "" && !strings.Contains(rest, "/") {
			names = append(names, rest)
		}
	}
	for p := range t.base {
		if _, changed := t.own[p]; !changed {
			add(p)
		}
	}
	for p, n := range t.own {
		if n != nil {
			add(p)
		}
	}
	sort.Strings(names)
	return names
}

// resolve follows links in the directories of p, and p itself if last. The
// result need not exist, but its directory does.
func (t *tree) resolve(op, p string, last bool) (string, error) {
	fail := func(err error) (string, error) { return "", &fs.PathError{Op: op, Path: p, Err: err} }
	if !path.IsAbs(p) || path.Clean(p) != p {
		return fail(syscall.EINVAL)
	}
	at, rest := "/", strings.TrimPrefix(p, "/")
	for hops := 0; rest != ""; {
		name, more, deeper := strings.Cut(rest, "/")
		rest = more
		next := path.Join(at, name)
		n := t.get(next)
		switch {
		case n != nil && n.kind == host.Link && (deeper || last):
			if hops++; hops > 40 {
				return fail(syscall.ELOOP)
			}
			target := n.target
			if !path.IsAbs(target) {
				target = path.Join(at, target)
			}
			at, rest = "/", strings.TrimPrefix(path.Join(target, rest), "/")
			continue
		case !deeper:
		case n == nil:
			return fail(syscall.ENOENT)
		case n.kind != host.Dir:
			return fail(syscall.ENOTDIR)
		}
		at = next
	}
	return at, nil
}

// open returns the node at p after following links; nil if there is none.
func (t *tree) open(p string) *node {
	at, err := t.resolve("open", p, true)
	if err != nil {
		return nil
	}
	return t.get(at)
}

var longAgo = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)

// bare is the files of a new Debian 12.
var bare = sync.OnceValue(func() map[string]*node {
	t := map[string]*node{}
	put := func(p string, n node) {
		n.owner, n.group, n.mtime = "root", "root", longAgo
		t[p] = &n
	}
	for _, p := range strings.Fields(`/ /boot /dev /dev/net /etc /etc/cron.d /etc/default /etc/iproute2 /etc/logrotate.d /etc/modprobe.d /etc/modules-load.d
		/etc/network /etc/profile.d /etc/security /etc/ssh /etc/ssl /etc/ssl/certs /etc/sudoers.d /etc/sysctl.d /etc/systemd /etc/systemd/network
		/etc/systemd/system /etc/systemd/system/multi-user.target.wants /etc/sysusers.d /etc/tmpfiles.d /etc/udev /home /media /mnt /opt /proc /root /run /run/lock
		/run/systemd /run/systemd/system /run/user /srv /sys /sys/fs /sys/fs/cgroup /tmp /usr /usr/bin /usr/lib /usr/lib/modules
		/usr/lib/systemd /usr/lib/systemd/system /usr/lib/sysusers.d /usr/local /usr/local/bin /usr/local/lib /usr/local/sbin /usr/local/share /usr/sbin
		/usr/share /var /var/cache /var/lib /var/lib/dpkg /var/lib/systemd /var/log /var/log/journal /var/mail /var/spool /var/tmp`) {
		put(p, node{kind: host.Dir, mode: 0o755})
	}
	for _, p := range []string{"/tmp", "/var/tmp", "/run/lock"} {
		put(p, node{kind: host.Dir, mode: 0o1777})
	}
	put("/root", node{kind: host.Dir, mode: 0o700})
	for p, target := range map[string]string{"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib", "/var/run": "/run", "/etc/os-release": "../usr/lib/os-release"} {
		put(p, node{kind: host.Link, mode: 0o777, target: target})
	}
	for _, p := range strings.Fields(`/usr/sbin/iptables /usr/sbin/ip6tables /usr/sbin/iptables-save /usr/sbin/iptables-restore /usr/sbin/nft /usr/sbin/modprobe /usr/sbin/sysctl
		/usr/sbin/swapoff /usr/sbin/userdel /usr/sbin/ethtool /usr/sbin/tc /usr/sbin/ebtables /usr/bin/ip /usr/bin/mount /usr/bin/umount /usr/bin/nsenter /usr/bin/socat /usr/bin/touch /usr/bin/true
		/usr/bin/false /usr/bin/sh /usr/bin/bash /usr/bin/tar /usr/bin/cp /usr/bin/mv /usr/bin/rm /usr/bin/mkdir /usr/bin/install /usr/bin/cat /usr/bin/sed /usr/bin/chmod /usr/bin/chown /usr/bin/env
		/usr/bin/systemctl /usr/bin/journalctl /usr/bin/systemd-sysusers /usr/bin/systemd-tmpfiles /usr/bin/udevadm`) {
		put(p, node{kind: host.Regular, mode: 0o755, content: []byte("\x7fELF " + path.Base(p) + "\n")})
	}
	for p, s := range map[string]string{
		"/etc/hosts":          "127.0.0.1 localhost\n",
		"/etc/resolv.conf":    "nameserver 192.0.2.1\n",
		"/etc/fstab":          "/dev/sda1 / ext4 defaults 0 1\n",
		"/etc/debian_version": "12.8\n",
		"/etc/sysctl.conf":    "",
		"/usr/lib/os-release": "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n",
	} {
		put(p, node{kind: host.Regular, mode: 0o644, content: []byte(s)})
	}
	put("/dev/net/tun", node{kind: host.Other, mode: 0o666})
	put("/dev/null", node{kind: host.Other, mode: 0o666})
	put("/dev/kmsg", node{kind: host.Other, mode: 0o644})
	return t
})
