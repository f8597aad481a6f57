package resource

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
)

// A Service is a module: a systemd unit that pmkctl writes, and the files that it
// reads.
type Service struct {
	Name   string // kubelet.service
	Unit   Unit
	Config Config          // that it reads
	Files  []host.FileSpec // other files that it reads
	Dirs   []host.DirSpec  // that it needs, besides the Parents of its files
	Inputs []string        // digests or values of what other steps make for it: another one restarts it
	Makes  []string        // files that it makes when it starts: it is restarted if one is missing

	// OnHost returns the fields of Config with values that it reads from the host.
	// nil returns the fields as they are.
	OnHost func(ctx context.Context, h host.Host, fields map[string]any) (map[string]any, error)
	Ready  Ready // nil if an active unit is ready

	Stops   modules.Order
	Places  []modules.Place  // that it writes by itself
	Sysctls []modules.Sysctl // that it sets by itself
	Mounts  []string         // that it makes for pods; for this and the next see modules.Footprint
	Links   []string
	Filters host.FilterQuery
}

// files returns all files of the service, the unit last: when a new unit is written,
// the files that it names exist.
func (s Service) files() (Files, error) {
	read := s.Files
	if s.Config.Path != "" {
		config, err := s.Config.file()
		if err != nil {
			return Files{}, err
		}
		read = append([]host.FileSpec{config}, read...)
	}
	dirs := slices.DeleteFunc(Parents(read...), func(parent host.DirSpec) bool {
		return slices.ContainsFunc(s.Dirs, func(d host.DirSpec) bool { return d.Path == parent.Path })
	})
	return Files{Dirs: append(dirs, s.Dirs...), Files: append(slices.Clip(read), s.unit(read))}, nil
}

// on returns all files of the service on a host.
func (s Service) on(ctx context.Context, h host.Host) (Files, error) {
	if s.OnHost != nil {
		fields, err := s.OnHost(ctx, h, s.Config.Fields)
		if err != nil {
			return Files{}, err
		}
		s.Config.Fields = fields
	}
	return s.files()
}

// Owns returns the service and its files, see modules.Owner.
func (s Service) Owns() []string {
	files, err := s.files()
	if err != nil {
		return nil // Check returns the error
	}
	return append(files.Owns(), s.Name)
}

// Footprint returns what the service makes by itself, see modules.Resident.
func (s Service) Footprint() modules.Footprint {
	return modules.Footprint{Unit: s.Name, Stops: s.Stops, Places: s.Places, Sysctls: s.Sysctls, Mounts: s.Mounts, Links: s.Links, Filters: s.Filters}
}

// Redo restarts the service, see modules.Replacer.
func (s Service) Redo(_ context.Context, d change.Diff) (change.Diff, error) {
	return restarted(s.Name, change.ReplaceAsked, d), nil
}

// Confirm waits until the service serves, see modules.Confirmer.
func (s Service) Confirm(ctx context.Context, h host.Host) error {
	if s.Ready == nil {
		return nil
	}
	if err := s.Ready(ctx, h); err != nil {
		return WithJournal(ctx, h, s.Name, err)
	}
	return nil
}

// Check compares the files and the unit's state: enabled, active, and
// started from what is on disk.
func (s Service) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	files, err := s.on(ctx, h)
	if err != nil {
		return nil, err
	}
	queries := files.Queries()
	for _, p := range s.Makes {
		queries = append(queries, host.FileQuery{Path: p})
	}
	var have []host.File
	var units []host.Unit
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { have, err = h.Files(gctx, queries); return err })
	g.Go(func() (err error) { units, err = h.Units(gctx, []string{s.Name}); return err })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	made := have[len(have)-len(s.Makes):]
	d := files.Diff(have[:len(have)-len(s.Makes)])
	d = append(d, s.diffState(units[0], restarts(files, d), s.inputs(files.Files[:len(files.Files)-1]))...)
	for _, f := range made {
		if f.Type != host.Regular {
			d = restarted(s.Name, f.Path+" is missing", d)
		}
	}
	return d, nil
}

// diffState compares the unit's state. cause is a file because of which the service
// must be restarted, "" if there is none; inputs is the hash with which its process
// must have been started.
func (s Service) diffState(u host.Unit, cause, inputs string) change.Diff {
	if u.Load == "not-found" || u.Load == "" {
		return change.Diff{change.OfUnit(change.Add, s.Name, change.UnitState{}, change.Serving)}
	}
	state := change.StateOf(u)
	c := change.OfUnit(change.Restart, s.Name, state, change.Serving)
	switch {
	case state != change.Serving:
		c.Action = change.Update
	case cause != "":
		c.Cause, c.Why = cause, cause+" changes"
	case outdated(u, inputs):
		c.Why = "it was started with other inputs"
	case u.Unread:
		c.Action, c.Why = change.Reload, "its files on disk are not those that systemd has read"
	default:
		return nil
	}
	return change.Diff{c}
}

// outdated reports whether the running process was started with other inputs. Times
// are not compared, because the clock may have been set back since. A drop-in can take
// the variable away from the process, which then cannot be judged.
func outdated(u host.Unit, inputs string) bool {
	if u.StartedWith == nil || *u.StartedWith == "" && len(u.DropIns) > 0 {
		return false
	}
	return *u.StartedWith != inputs
}

// restarted returns d with a restart of the service, unless d starts it anyway.
func restarted(service, why string, d change.Diff) change.Diff {
	d = slices.DeleteFunc(d, func(c change.Change) bool { return reloads(c, service) })
	if d.Touches(service) {
		return d
	}
	c := change.OfUnit(change.Restart, service, change.Serving, change.Serving)
	c.Why = why
	return append(d, c)
}

// reloads reports whether c makes systemd read the service's unit again without a
// restart.
func reloads(c change.Change, service string) bool {
	return c.Item == service && c.Action == change.Reload
}

// restarts returns the first file in d because of which the service must be
// restarted: its unit, or a file that it reads and whose content changes.
func restarts(files Files, d change.Diff) string {
	unit := files.Files[len(files.Files)-1].Path
	for _, c := range d {
		for _, f := range files.Files {
			if c.Item == f.Path && (c.IsText() || f.Path == unit) {
				return c.Item
			}
		}
	}
	return ""
}

// Apply stops the service if it is to be restarted, writes the files in d, and
// starts the service. Because it is stopped first, it is down after an
// interruption, and the next Check finds that.
func (s Service) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	files, err := s.on(ctx, h)
	if err != nil {
		return err
	}
	if !d.Touches(s.Name) {
		return files.Apply(ctx, h, d)
	}
	if slices.ContainsFunc(d, func(c change.Change) bool { return reloads(c, s.Name) }) {
		if err := files.Apply(ctx, h, d); err != nil {
			return err
		}
		return s.do(ctx, h, host.Reload)
	}
	if err := s.Stop(ctx, h); err != nil {
		return err
	}
	if err := files.Apply(ctx, h, d); err != nil {
		return err
	}
	for _, action := range []host.UnitAction{host.Enable, host.Reload, host.Start} {
		if err := s.do(ctx, h, action); err != nil {
			return WithJournal(ctx, h, s.Name, err)
		}
	}
	return s.Confirm(ctx, h)
}

// Stop stops the service if it runs or is starting.
func (s Service) Stop(ctx context.Context, h host.Host) error {
	units, err := h.Units(ctx, []string{s.Name})
	if err != nil {
		return err
	}
	if !change.StateOf(units[0]).Runs() {
		return nil
	}
	return s.do(ctx, h, host.Stop)
}

func (s Service) do(ctx context.Context, h host.UnitWriter, action host.UnitAction) error {
	if err := h.Unit(ctx, s.Name, action); err != nil {
		return fmt.Errorf("%s %s: %w", action, s.Name, err)
	}
	return nil
}

// WithJournal adds a unit's last journal lines to an error.
func WithJournal(ctx context.Context, h host.UnitReader, unit string, err error) error {
	lines, jerr := h.Journal(ctx, unit, 5)
	if jerr != nil || len(lines) == 0 {
		return err
	}
	return &JournalError{Unit: unit, Lines: lines, Err: err}
}

// A JournalError is an error of a service, with its last lines of the journal.
type JournalError struct {
	Unit  string
	Lines []string
	Err   error
}

func (e *JournalError) Error() string {
	return fmt.Sprintf("%v\n  last lines of %s:\n    %s", e.Err, e.Unit, strings.Join(e.Lines, "\n    "))
}

func (e *JournalError) Unwrap() error { return e.Err }
