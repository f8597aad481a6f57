package oshost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// A systemd is the connection to process 1. It is made when it is first
// needed, and made anew after it broke.
type systemd struct {
	mu   sync.Mutex
	conn *dbus.Conn
}

// get returns a connection that works. systemd's private socket needs no bus
// daemon and answers faster, but is only for root; others use the bus.
func (s *systemd) get() (*dbus.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil && s.conn.Connected() {
		return s.conn, nil
	}
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
	// The context given here ends the connection: it must outlive the call.
	conn, err := dbus.NewSystemdConnectionContext(context.Background())
	if err != nil {
		var berr error
		if conn, berr = dbus.NewSystemConnectionContext(context.Background()); berr != nil {
			return nil, fmt.Errorf("connect to systemd: %w: %w", host.ErrUnavailable, err)
		}
	}
	s.conn = conn
	return conn, nil
}

func (s *systemd) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// version returns systemd's version in its own words: 252.38-1~deb12u1.
func (s *systemd) version() (string, error) {
	conn, err := s.get()
	if err != nil {
		return "", err
	}
	v, err := conn.GetManagerProperty("Version")
	return strings.Trim(v, `"`), err
}

// Units asks systemd for all units at once.
func (h *Host) Units(ctx context.Context, names []string) ([]host.Unit, error) {
	units := make([]host.Unit, len(names))
	if len(names) == 0 {
		return units, nil
	}
	conn, err := h.bus.get()
	if err != nil {
		return nil, err
	}
	err = h.units(ctx, conn, names, units)
	if err != nil && ctx.Err() == nil && !conn.Connected() {
		// systemd has re-executed itself in the meantime.
		if conn, err = h.bus.get(); err == nil {
			err = h.units(ctx, conn, names, units)
		}
	}
	if err != nil {
		return nil, err
	}
	return units, nil
}

func (h *Host) units(ctx context.Context, conn *dbus.Conn, names []string, units []host.Unit) error {
	// One call returns the units that exist.
	list, err := conn.ListUnitsByNamesContext(ctx, slices.Compact(slices.Sorted(slices.Values(names))))
	if err != nil {
		return fmt.Errorf("list units: %w", err)
	}
	known := map[string]dbus.UnitStatus{}
	for _, u := range list {
		known[u.Name] = u
	}
	var g errgroup.Group
	g.SetLimit(16)
	for i, n := range names {
		status, ok := known[n]
		switch {
		case !ok && !validUnit(n):
			return fmt.Errorf("%q is no unit name", n)
		case ok && status.LoadState == "not-found" && status.ActiveState == "inactive":
			units[i] = host.Unit{Name: n, Load: "not-found", Active: status.ActiveState, Sub: status.SubState}
		default: // an alias is listed under another name
			g.Go(func() (err error) {
				units[i], err = unit(ctx, conn, n)
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return markUnread(ctx, conn, units)
}

// markUnread sets Unread of the units. The unit of process 1 has no file, so
// it needs a reload only when systemd says so for all units.
func markUnread(ctx context.Context, conn *dbus.Conn, units []host.Unit) error {
	if !slices.ContainsFunc(units, func(u host.Unit) bool { return u.NeedReload }) {
		return nil
	}
	p, err := conn.GetUnitPropertyContext(ctx, "init.scope", "NeedDaemonReload")
	if err != nil {
		return fmt.Errorf("ask for init.scope: %w", err)
	}
	all := p.Value.Value() == true
	for i, u := range units {
		units[i].Unread = u.NeedReload && (!all || isGone(u.Path))
	}
	return nil
}

func isGone(path string) bool {
	if path == "" {
		return false
	}
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// unit returns one unit. All properties of one interface are from one moment.
func unit(ctx context.Context, conn *dbus.Conn, name string) (host.Unit, error) {
	p, err := conn.GetUnitPropertiesContext(ctx, name)
	if err != nil {
		return host.Unit{}, fmt.Errorf("ask for %s: %w", name, err)
	}
	u := host.Unit{
		Name:       name,
		Load:       text(p["LoadState"]),
		Active:     text(p["ActiveState"]),
		Sub:        text(p["SubState"]),
		Enabled:    text(p["UnitFileState"]),
		Path:       text(p["FragmentPath"]),
		NeedReload: p["NeedDaemonReload"] == true,
	}
	u.DropIns, _ = p["DropInPaths"].([]string)
	if u.Load != "loaded" || !strings.HasSuffix(name, ".service") {
		return u, nil
	}
	pid, err := conn.GetServicePropertyContext(ctx, name, "MainPID")
	if err != nil {
		return host.Unit{}, fmt.Errorf("ask for %s: %w", name, err)
	}
	if n, ok := pid.Value.Value().(uint32); ok {
		u.MainPID = int(n)
	}
	u.StartedWith = startedWith(u.MainPID)
	result, err := conn.GetServicePropertyContext(ctx, name, "Result")
	if err != nil {
		return host.Unit{}, fmt.Errorf("ask for %s: %w", name, err)
	}
	u.Result = text(result.Value.Value())
	return u, nil
}

// startedWith returns the value of InputsVar in a process; nil if the
// environment cannot be read, such as that of a process that has just ended.
func startedWith(pid int) *string {
	if pid == 0 {
		return nil
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || len(environ) == 0 { // that of a zombie is empty
		return nil
	}
	with := ""
	for v := range strings.SplitSeq(string(environ), "\x00") {
		if value, ok := strings.CutPrefix(v, host.InputsVar+"="); ok {
			with = value
		}
	}
	return &with
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// unitTypes are what a unit's name ends with; systemd.unit(5).
var unitTypes = []string{".service", ".socket", ".target", ".mount", ".timer", ".path", ".slice", ".scope", ".device", ".automount", ".swap"}

// validUnit reports whether systemd accepts a name as a unit's;
// systemd.unit(5).
func validUnit(name string) bool {
	if len(name) == 0 || len(name) > 255 || strings.HasPrefix(name, "-") {
		return false
	}
	for _, c := range name {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(`:-_.\@`, c)) {
			return false
		}
	}
	return slices.ContainsFunc(unitTypes, func(t string) bool { return strings.HasSuffix(name, t) && len(name) > len(t) })
}

// Unit does one thing to a unit and waits until it is done.
func (h *Host) Unit(ctx context.Context, name string, do host.UnitAction) error {
	if do != host.Reload && !validUnit(name) {
		return fmt.Errorf("%q is no unit name", name)
	}
	conn, err := h.bus.get()
	if err != nil {
		return err
	}
	switch do {
	case host.Start:
		return h.job(ctx, conn, name, conn.StartUnitContext)
	case host.Stop:
		err := h.job(ctx, conn, name, conn.StopUnitContext)
		if isNoUnit(err) {
			return nil // a unit that does not exist does not run
		}
		return err
	case host.Restart:
		return h.job(ctx, conn, name, conn.RestartUnitContext)
	case host.Reload:
		return reload(ctx, conn)
	case host.Enable:
		_, _, err := conn.EnableUnitFilesContext(ctx, []string{name}, false, false)
		return err
	case host.Disable:
		_, err := conn.DisableUnitFilesContext(ctx, []string{name}, false)
		if isNoUnit(err) {
			return nil
		}
		return err
	}
	return fmt.Errorf("%q is nothing that can be done to a unit", do)
}

// isNoUnit reports whether an error means that systemd knows no such unit.
func isNoUnit(err error) bool {
	return isDBus(err, "org.freedesktop.systemd1.NoSuchUnit", "org.freedesktop.DBus.Error.FileNotFound")
}

func isDBus(err error, names ...string) bool {
	var e godbus.Error
	return errors.As(err, &e) && slices.Contains(names, e.Name)
}

func reload(ctx context.Context, conn *dbus.Conn) error {
	if err := conn.ReloadContext(ctx); err != nil {
		return fmt.Errorf("reload systemd: %w", err)
	}
	return nil
}

// jobPoll is how often a job is queried whose end was not announced.
// Announcements are lost when systemd re-executes itself.
const jobPoll = 2 * time.Second

// job starts a job and waits for its end.
func (h *Host) job(ctx context.Context, conn *dbus.Conn, name string, start func(context.Context, string, string, chan<- string) (int, error)) error {
	done := make(chan string, 1) // never blocks the connection's reader
	id, err := start(ctx, name, "replace", done)
	if err != nil {
		return err
	}
	poll := time.NewTicker(jobPoll)
	defer poll.Stop()
	for {
		select {
		case result := <-done:
			return h.jobResult(ctx, name, result)
		case <-ctx.Done():
			return ctx.Err()
		case <-poll.C:
			if h.jobRuns(ctx, id) {
				continue
			}
			select {
			case result := <-done:
				return h.jobResult(ctx, name, result)
			default:
				return h.jobResult(ctx, name, "")
			}
		}
	}
}

func (h *Host) jobRuns(ctx context.Context, id int) bool {
	conn, err := h.bus.get()
	if err != nil {
		return true // it is restarting; ctx bounds this
	}
	jobs, err := conn.ListJobsContext(ctx)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(jobs, func(j dbus.JobStatus) bool { return int(j.Id) == id })
}

// jobResult returns the error of a job, with what systemd says of the unit.
func (h *Host) jobResult(ctx context.Context, name, result string) error {
	if result == "done" || result == "skipped" {
		return nil
	}
	units, err := h.Units(ctx, []string{name})
	if err != nil {
		return fmt.Errorf("%s: job %s", name, result)
	}
	u := units[0]
	if result == "" {
		if u.Active != "failed" {
			return nil
		}
		result = "failed"
	}
	return fmt.Errorf("%s: job %s: it is %s (%s), result %s", name, result, u.Active, u.Sub, u.Result)
}

// Journal returns a unit's last lines of this boot.
func (h *Host) Journal(ctx context.Context, unit string, n int) ([]string, error) {
	if !validUnit(unit) {
		return nil, fmt.Errorf("%q is no unit name", unit)
	}
	n = max(0, min(n, 10000))
	out, err := h.run(ctx, []string{"journalctl", "-b", "-u", unit, "-n", fmt.Sprint(n), "-o", "cat", "--no-pager", "-q"}, nil)
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, nil
	}
	return strings.Split(strings.TrimRight(string(out), "\n"), "\n"), nil
}

// booted reports whether process 1 is systemd; sd_booted(3).
func booted() bool {
	var st unix.Stat_t
	return unix.Lstat("/run/systemd/system", &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}
