package undo

import (
	"context"
	"fmt"
	"path"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
)

// Apply removes what d lists. Services are stopped and disabled before their
// files are removed and systemd forgets them; what was enabled before pmkctl
// is enabled before systemd is reloaded, and what ran is started again last.
// After an interruption anywhere, the next Check finds the rest.
func (m Items) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	var units []item
	reload := false
	for _, c := range d { // in the order of Judge: services, images, settings, files, directories
		o, ok := m[c.Item]
		if !ok {
			return fmt.Errorf("remove %s: it is not in the list", c.Item)
		}
		if c.Kind == change.Unit {
			units = append(units, item{c.Item, o})
		}
		reload = reload || c.Kind == change.Unit || change.IsUnitFile(c.Item)
	}
	// An image can be removed only while containerd, which may go as well, runs.
	for _, images := range []bool{true, false} {
		for _, c := range d {
			if (c.Kind == change.Image) != images {
				continue
			}
			if err := remove(ctx, h, item{c.Item, m[c.Item]}); err != nil {
				return err
			}
		}
	}
	return putBackUnits(ctx, h, units, reload)
}

// remove takes one thing away, or puts back what stood there.
func remove(ctx context.Context, h host.Host, o item) error {
	switch {
	case o.Kind == change.Unit:
		return StopUnit(ctx, h, o.Item)
	case o.Kind == change.Image:
		_, err := h.Run(ctx, []string{"ctr", "-n", "k8s.io", "images", "rm", o.Item}, nil)
		return err
	case o.Kind == change.Sysctl:
		if err := h.SetSysctl(ctx, o.Item, o.Before()); err != nil {
			return fmt.Errorf("set %s back to %s: %w", o.Item, o.Original, err)
		}
		return nil
	case o.Kind == change.Directory:
		if was, ok := parseAttrs(o.Item, o.Original); ok {
			return h.MakeDir(ctx, was)
		}
	case isKept(o):
		return putBack(ctx, h, o)
	}
	if err := h.Remove(ctx, o.Item); err != nil {
		return fmt.Errorf("remove %s: %w", o.Item, err)
	}
	return nil
}

// StopUnit stops and disables a service that is there. The caller reloads
// systemd afterwards.
func StopUnit(ctx context.Context, h host.Host, name string) error {
	units, err := h.Units(ctx, []string{name})
	if err != nil {
		return err
	}
	if change.StateOf(units[0]).Runs() {
		if err := h.Unit(ctx, name, host.Stop); err != nil {
			return fmt.Errorf("stop %s: %w", name, err)
		}
	}
	if units[0].Enabled != change.Serving.Enabled {
		return nil
	}
	if err := h.Unit(ctx, name, host.Disable); err != nil {
		return fmt.Errorf("disable %s: %w", name, err)
	}
	return nil
}

// putBack moves an original to where it stood; without one the path is removed.
func putBack(ctx context.Context, h host.Host, o item) error {
	have, err := h.Files(ctx, []host.FileQuery{{Path: o.Original}, {Path: path.Dir(o.Item)}})
	if err != nil {
		return err
	}
	if have[0].Type == host.Absent {
		if err := h.Remove(ctx, o.Item); err != nil {
			return fmt.Errorf("remove %s: %w", o.Item, err)
		}
		return nil
	}
	if have[1].Type == host.Absent {
		if err := h.MakeDir(ctx, host.DirSpec{Path: path.Dir(o.Item), Mode: 0o755}); err != nil {
			return fmt.Errorf("put back %s: %w", o.Item, err)
		}
	}
	if _, err := h.Run(ctx, []string{"mv", "--", o.Original, o.Item}, nil); err != nil {
		return fmt.Errorf("put back %s: %w", o.Item, err)
	}
	return nil
}

// putBackUnits makes services what they were before pmkctl, once systemd has
// read what is on disk by then.
func putBackUnits(ctx context.Context, h host.UnitWriter, units []item, reload bool) error {
	for _, o := range units {
		if change.ParseUnitState(o.Original).Enabled == change.Serving.Enabled {
			if err := asBefore(ctx, h, o.Item, host.Enable); err != nil {
				return err
			}
		}
	}
	if reload {
		if err := h.Unit(ctx, "", host.Reload); err != nil {
			return fmt.Errorf("daemon-reload: %w", err)
		}
	}
	for _, o := range units {
		if change.ParseUnitState(o.Original).Active == change.Serving.Active {
			if err := asBefore(ctx, h, o.Item, host.Start); err != nil {
				return err
			}
		}
	}
	return nil
}

func asBefore(ctx context.Context, h host.UnitWriter, unit string, do host.UnitAction) error {
	if err := h.Unit(ctx, unit, do); err != nil {
		return fmt.Errorf("%s %s, as it was before: %w", do, unit, err)
	}
	return nil
}
