// Package account makes the system users that services run as, and the
// directories that several steps write into: so each directory is in the diff of
// only one step. It owns /etc/sysusers.d/pmkctl.conf.
package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const (
	config = "/etc/sysusers.d/pmkctl.conf"
	// pki is the same directory as kubeadm's.
	pki = "/etc/kubernetes/pki"
)

// User is a system user without a shell, and the group of the same name.
type User struct {
	Name string
	What string // its purpose: "etcd", "Kubernetes control plane"
}

// Module makes the users and shared directories of one host.
type Module struct {
	Users []User
	Dirs  []host.DirSpec // may belong to the users
}

// users are the system users, each with a component that runs as it. Components
// without a row run as root.
var users = []struct {
	component string
	User
}{
	{"etcd", User{"etcd", "etcd"}},
	{"kube-apiserver", User{"kube", "Kubernetes control plane"}},
}

// For returns the module for a host with these components.
func For(components []string) Module {
	m := Module{Dirs: []host.DirSpec{{Path: "/etc/kubernetes", Mode: 0o755}, {Path: pki, Mode: 0o755}}}
	for _, u := range users {
		if slices.Contains(components, u.component) {
			m.Users = append(m.Users, u.User)
		}
	}
	if slices.Contains(components, "etcd") || slices.Contains(components, "kube-apiserver") {
		m.Dirs = append(m.Dirs, host.DirSpec{Path: pki + "/etcd", Mode: 0o755})
	}
	return m
}

// Check compares the file, the users and the directories.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	conf, dirs := m.config(), resource.Files{Dirs: m.Dirs}
	var have []host.File
	var users []host.User
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		have, err = h.Files(gctx, append(conf.Queries(), dirs.Queries()...))
		return err
	})
	if len(m.Users) > 0 {
		g.Go(func() (err error) {
			users, err = h.Users(gctx, m.names())
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	n := len(conf.Queries())
	d := conf.Diff(have[:n])
	for _, u := range users {
		if !u.Exists {
			d = append(d, change.Change{Kind: change.Account, Action: change.Add, Item: u.Name, Want: "system user without a shell"})
		}
	}
	return append(d, dirs.Diff(have[n:])...), nil
}

// Apply writes the file, lets systemd make the users in it, and then makes the
// directories, which may belong to the users.
func (m Module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if err := m.config().Apply(ctx, h, d); err != nil {
		return err
	}
	for _, name := range m.names() {
		if !d.Touches(name) {
			continue
		}
		if _, err := h.Run(ctx, []string{"systemd-sysusers", config}, nil); err != nil {
			return fmt.Errorf("make users: %w", err)
		}
		break // all of them at once
	}
	return resource.Files{Dirs: m.Dirs}.Apply(ctx, h, d)
}

// Owns returns all items that the module may change, see modules.Owner.
func (m Module) Owns() []string {
	return slices.Concat(m.config().Owns(), m.names(), resource.Files{Dirs: m.Dirs}.Owns())
}

func (m Module) names() []string {
	var names []string
	for _, u := range m.Users {
		names = append(names, u.Name)
	}
	return names
}

func (m Module) config() resource.Files {
	if len(m.Users) == 0 {
		return resource.Files{}
	}
	f := host.FileSpec{Path: config, Mode: 0o644, Content: []byte(sysusers(m.Users))}
	return resource.Files{Dirs: resource.Parents(f), Files: []host.FileSpec{f}}
}

// sysusers returns the file's content, see sysusers.d(5).
func sysusers(users []User) string {
	var b strings.Builder
	b.WriteString("# Written by pmkctl.\n")
	for _, u := range users {
		fmt.Fprintf(&b, "u %s - %q / /usr/sbin/nologin\n", u.Name, u.What)
	}
	return b.String()
}
