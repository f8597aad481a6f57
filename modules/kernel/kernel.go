// Package kernel loads the kernel modules and sets the sysctls that nodes
// need, now and at each boot. It owns /etc/modules-load.d/pmkctl.conf and
// /etc/sysctl.d/90-pmkctl.conf.
package kernel

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/internal/resource"
)

const (
	modulesFile = "/etc/modules-load.d/pmkctl.conf"
	sysctlFile  = "/etc/sysctl.d/90-pmkctl.conf"
)

// Module makes the kernel settings of one host.
type Module struct {
	Modules []string          // by name: br_netfilter
	Sysctls map[string]string // by dotted name
}

// state is what the files and the running kernel have.
type state struct {
	files    change.Diff
	features []host.KernelFeature
	sysctls  map[string]string
}

// Check compares the files and the running kernel, in one round trip.
func (m Module) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	var s state
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		s.files, err = m.files().Check(gctx, h)
		return err
	})
	g.Go(func() (err error) {
		s.features, err = h.KernelFeatures(gctx, m.Modules)
		return err
	})
	g.Go(func() (err error) {
		s.sysctls, err = h.Sysctls(gctx, m.names())
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return m.diff(s), nil
}

func (m Module) diff(s state) change.Diff {
	d := s.files
	loads := false
	for _, f := range s.features {
		if f.Present {
			continue
		}
		loads = true
		c := change.Change{Kind: change.KernelModule, Action: change.Add, Item: f.Name, Want: "loaded"}
		if !f.Loadable {
			c.Why = "this kernel has no such module"
		}
		d = append(d, c)
	}
	for _, name := range m.names() {
		have, known := s.sysctls[name]
		switch {
		case known && enough(name, have, m.Sysctls[name]):
		case known:
			d = append(d, change.Change{Kind: change.Sysctl, Action: change.Update, Item: name, Have: have, Want: m.Sysctls[name]})
		case loads: // a module may bring it, such as net.bridge.*
			d = append(d, change.Change{Kind: change.Sysctl, Action: change.Add, Item: name, Want: m.Sysctls[name]})
		}
	}
	return d
}

// Apply loads modules before it sets the sysctls, because modules bring some.
func (m Module) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	if err := m.files().Apply(ctx, h, d); err != nil {
		return err
	}
	for _, name := range m.Modules {
		if !d.Touches(name) {
			continue
		}
		if err := h.LoadModule(ctx, name); err != nil {
			return fmt.Errorf("load module %s: %w", name, err)
		}
	}
	have, err := h.Sysctls(ctx, m.names())
	if err != nil {
		return err
	}
	for _, name := range m.names() {
		v, known := have[name]
		if !known || !d.Touches(name) || enough(name, v, m.Sysctls[name]) {
			continue // the kernel does not have it: it stays only in the file
		}
		if err := h.SetSysctl(ctx, name, m.Sysctls[name]); err != nil {
			return fmt.Errorf("set %s to %s: %w", name, m.Sysctls[name], err)
		}
	}
	return nil
}

// Owns returns all items that the module may change, see modules.Owner.
func (m Module) Owns() []string { return slices.Concat(m.files().Owns(), m.Modules, m.names()) }

func (m Module) names() []string { return slices.Sorted(maps.Keys(m.Sysctls)) }

func (m Module) files() resource.Files {
	var load, set strings.Builder
	for _, name := range m.Modules {
		fmt.Fprintln(&load, name)
	}
	for _, name := range m.names() {
		fmt.Fprintf(&set, "%s = %s\n", name, m.Sysctls[name])
	}
	return resource.Files{Files: []host.FileSpec{
		{Path: modulesFile, Mode: 0o644, Content: []byte("# Written by pmkctl.\n" + load.String())},
		{Path: sysctlFile, Mode: 0o644, Content: []byte("# Written by pmkctl.\n" + set.String())},
	}}
}

// enough reports whether a live value is good enough. Limits may be higher: an
// administrator may have raised them for other programs.
func enough(name, have, want string) bool {
	if have, want := strings.Fields(have), strings.Fields(want); slices.Equal(have, want) {
		return true
	}
	if !strings.HasPrefix(name, "fs.inotify.") {
		return false
	}
	h, herr := strconv.ParseInt(strings.TrimSpace(have), 10, 64)
	w, werr := strconv.ParseInt(want, 10, 64)
	return herr == nil && werr == nil && h >= w
}
