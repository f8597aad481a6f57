package resource

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
)

// A Service is a systemd unit that pmkctl writes, and the files it reads.
type Service struct {
	Name  string   // kubelet.service
	Unit  string   // the unit file; the line X-Pmkctl-Inputs is put into its [Unit] section
	Files Files    // what it reads
	Needs []string // wanted digests or values of what other steps make for it: a new one restarts it
	// Late are files that the service is not restarted for.
	Late Files

	Stops   modules.Order
	Places  []modules.Place  // where it writes by itself
	Sysctls []modules.Sysctl // that it sets by itself
	// Ready waits until the service serves; nil if active is all there is to it.
	Ready func(ctx context.Context, h host.Host) error
}

// all are the service's files, the unit last: if it is new, all that it
// names is there.
func (s Service) all() Files {
	f := Files{Dirs: append(append([]host.DirSpec{}, s.Files.Dirs...), s.Late.Dirs...)}
	f.Files = append(append(f.Files, s.Files.Files...), s.Late.Files...)
	f.Files = append(f.Files, host.FileSpec{Path: change.UnitFile(s.Name), Mode: 0o644, Content: []byte(s.unit())})
	return f
}

// Wanted are the service's files as they should be, the unit last.
func (s Service) Wanted() []host.FileSpec { return s.all().Files }

// Items are the service and its files, see modules.Owner.
func (s Service) Items() []string { return append(s.all().Items(), s.Name) }

// Footprint is what stays on a host when the service is removed, see
// modules.Resident.
func (s Service) Footprint() modules.Footprint {
	return modules.Footprint{Unit: s.Name, Stops: s.Stops, Places: s.Places, Sysctls: s.Sysctls}
}

// unit is the unit file with the hash of all that the service depends on, so
// that a restart which is still owed shows as a difference on disk.
func (s Service) unit() string {
	sum := sha256.New()
	for _, f := range s.Files.Files {
		fmt.Fprintf(sum, "%s %d\n", f.Path, len(f.Content))
		sum.Write(f.Content)
	}
	for _, n := range s.Needs {
		fmt.Fprintf(sum, "%s\n", n)
	}
	line := "[Unit]\n" + change.InputsKey + "=" + hex.EncodeToString(sum.Sum(nil)[:16]) + "\n"
	return strings.Replace(s.Unit, "[Unit]\n", line, 1)
}

// Check compares the files and the unit's state: enabled, active, and
// started from what is on disk.
func (s Service) Check(ctx context.Context, h host.Host) (change.Diff, error) {
	files := s.all()
	type answer struct {
		d   change.Diff
		err error
	}
	onDisk := make(chan answer, 1)
	go func() {
		d, err := files.Check(ctx, h)
		onDisk <- answer{d, err}
	}()
	units, err := h.Units(ctx, []string{s.Name})
	a := <-onDisk
	if a.err != nil {
		return nil, a.err
	}
	if err != nil {
		return nil, err
	}
	return append(a.d, s.diffState(units[0], a.d)...), nil
}

func (s Service) diffState(u host.Unit, files change.Diff) change.Diff {
	if u.Load == "not-found" || u.Load == "" {
		return change.Diff{change.OfUnit(change.Add, s.Name, change.UnitState{}, change.Serving)}
	}
	state, cause := change.StateOf(u), s.restarts(files)
	c := change.OfUnit(change.Restart, s.Name, state, change.Serving)
	switch {
	case state != change.Serving:
		c.Action = change.Update
	case cause != "":
		c.Cause, c.Why = cause, cause+" changes"
	case u.UnitTime.After(u.ActiveEnter.Add(time.Second)):
		c.Why = "it was started from an older unit file"
	case u.Unread:
		c.Action, c.Why = change.Reload, "its files on disk are not those that systemd has read"
	default:
		return nil
	}
	return change.Diff{c}
}

// Restarted returns d with a restart of the service, unless d starts it in
// any case.
func Restarted(service, why string, d change.Diff) change.Diff {
	d = slices.DeleteFunc(d, func(c change.Change) bool { return reloads(c, service) })
	if d.Touches(service) {
		return d
	}
	c := change.OfUnit(change.Restart, service, change.Serving, change.Serving)
	c.Why = why
	return append(d, c)
}

// reloads reports whether systemd is to read the service's unit again while
// the service goes on.
func reloads(c change.Change, service string) bool {
	return c.Item == service && c.Action == change.Reload
}

// restarts names the first change that the service must be restarted for.
func (s Service) restarts(d change.Diff) string {
	for _, c := range d {
		if c.Item == change.UnitFile(s.Name) {
			return c.Item
		}
		for _, f := range s.Files.Files {
			if c.Item == f.Path && c.IsText() {
				return c.Item
			}
		}
	}
	return ""
}

// Apply stops the service if it is to be restarted, writes what d touches,
// and starts it. Stopping first means that an Apply cut off half way leaves
// it down, where the next Check finds it.
func (s Service) Apply(ctx context.Context, h host.Host, d change.Diff) error {
	files := s.all()
	if !d.Touches(s.Name) {
		return files.Apply(ctx, h, d)
	}
	if slices.ContainsFunc(d, func(c change.Change) bool { return reloads(c, s.Name) }) {
		return s.reload(ctx, h, d)
	}
	units, err := h.Units(ctx, []string{s.Name})
	if err != nil {
		return err
	}
	if change.StateOf(units[0]).Runs() {
		if err := h.Unit(ctx, s.Name, host.Stop); err != nil {
			return fmt.Errorf("stop %s: %w", s.Name, err)
		}
	}
	if err := files.Apply(ctx, h, d); err != nil {
		return err
	}
	for _, do := range []host.UnitAction{host.Enable, host.Reload, host.Start} {
		if err := h.Unit(ctx, s.Name, do); err != nil {
			return WithJournal(ctx, h, s.Name, fmt.Errorf("%s %s: %w", do, s.Name, err))
		}
	}
	if s.Ready == nil {
		return nil
	}
	if err := s.Ready(ctx, h); err != nil {
		return WithJournal(ctx, h, s.Name, err)
	}
	return nil
}

func (s Service) reload(ctx context.Context, h host.Host, d change.Diff) error {
	if err := s.all().Apply(ctx, h, d); err != nil {
		return err
	}
	if err := h.Unit(ctx, "", host.Reload); err != nil {
		return fmt.Errorf("reload %s: %w", s.Name, err)
	}
	return nil
}

// WithJournal adds a unit's last journal lines to an error.
func WithJournal(ctx context.Context, h host.Host, unit string, err error) error {
	lines, jerr := h.Journal(ctx, unit, 5)
	if jerr != nil || len(lines) == 0 {
		return err
	}
	return &JournalError{Unit: unit, Lines: lines, Err: err}
}

// A JournalError is what went wrong with a service, and what it said last.
type JournalError struct {
	Unit  string
	Lines []string
	Err   error
}

func (e *JournalError) Error() string {
	return fmt.Sprintf("%v\n  last lines of %s:\n    %s", e.Err, e.Unit, strings.Join(e.Lines, "\n    "))
}

func (e *JournalError) Unwrap() error { return e.Err }
