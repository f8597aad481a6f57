package hosttest

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// A unit is what systemd has in memory of a unit.
type unit struct {
	file    *unitFile // at the last daemon-reload; nil if there was no file
	active  string
	sub     string
	result  string
	pid     int
	inputs  string // host.InputsVar in the environment of its process
	entered time.Time
	journal []string
	read    map[string]string // summaries of what it read at its start, by path
}

// A failure is how a unit's starts fail.
type failure struct{ journal []string }

// FailStart makes every start of the unit fail from now on, as if its program
// had written these lines to the journal and exited with status 1.
func (h *Host) FailStart(name string, journal ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failing[name] = failure{journal}
}

// MendStart ends the effect of FailStart.
func (h *Host) MendStart(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.failing, name)
}

// OnStart runs f at every start of the unit, as the work of its program. f
// gets the host's console.
func (h *Host) OnStart(name string, f func(*Host) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hooks[name] = f
}

func (m *machine) unit(name string) *unit {
	u := m.units[name]
	if u == nil {
		u = &unit{active: "inactive", sub: "dead", result: "success"}
		m.units[name] = u
	}
	return u
}

// Units implements host.Reader.
func (h *Host) Units(ctx context.Context, names []string) ([]host.Unit, error) {
	var units []host.Unit
	err := h.read(ctx, "Units", strings.Join(names, " "), func() error {
		for _, name := range names {
			units = append(units, h.unitState(name))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return units, nil
}

func (m *machine) unitState(name string) host.Unit {
	u := m.units[name]
	if u == nil {
		u = &unit{active: "inactive", sub: "dead", result: "success"}
	}
	s := host.Unit{Name: name, Load: "not-found", Active: u.active, Sub: u.sub, MainPID: u.pid, Result: u.result}
	if u.pid != 0 {
		with := u.inputs
		s.StartedWith = &with
	}
	if f := u.file; f != nil {
		s.Load, s.Path, s.DropIns = "loaded", f.path, f.dropIns
		if f.masked {
			s.Load = "masked"
		}
	}
	disk := m.readUnit(name)
	own := unread(u.file, disk)
	s.NeedReload = own || m.outdated && u.file != nil
	s.Unread = own && (!m.outdated || disk == nil)
	if disk != nil {
		s.Enabled = m.enabled(name, disk)
	}
	return s
}

func (m *machine) enabled(name string, f *unitFile) string {
	switch {
	case f.masked:
		return "masked"
	case len(m.installLinks(name)) > 0:
		return "enabled"
	case len(f.words("Install.WantedBy"))+len(f.words("Install.RequiredBy"))+len(f.words("Install.Alias")) == 0:
		return "static"
	default:
		return "disabled"
	}
}

// installLinks returns the links that enable a unit.
func (m *machine) installLinks(name string) []string {
	var links []string
	for _, dir := range m.tree.children("/etc/systemd/system") {
		p := "/etc/systemd/system/" + dir + "/" + name
		if ext := path.Ext(dir); (ext == ".wants" || ext == ".requires") && m.tree.get(p) != nil {
			links = append(links, p)
		}
	}
	return links
}

// Journal implements host.Reader.
func (h *Host) Journal(ctx context.Context, name string, n int) ([]string, error) {
	var lines []string
	err := h.read(ctx, "Journal", name, func() error {
		if u := h.units[name]; u != nil {
			lines = append(lines, u.journal[max(0, len(u.journal)-n):]...)
		}
		return nil
	})
	return lines, err
}

// Unit implements host.Writer.
func (h *Host) Unit(ctx context.Context, name string, do host.UnitAction) error {
	if do == host.Reload {
		name = ""
	}
	return h.change(ctx, "Unit", strings.TrimSpace(string(do)+" "+name), func() error {
		switch do {
		case host.Reload:
			h.reload()
			return nil
		case host.Start:
			return h.start(name)
		case host.Stop:
			return h.stop(name)
		case host.Restart:
			if err := h.startable(name); err != nil {
				return err
			}
			if u := h.unit(name); u.active != "inactive" && u.active != "failed" {
				h.halt(name, u)
			}
			return h.start(name)
		case host.Enable:
			return h.enable(name)
		case host.Disable:
			h.disable(name)
			return nil
		}
		return unknown("no unit action %q", do)
	})
}

func (m *machine) reload() {
	m.outdated = false
	names := map[string]bool{}
	for name := range m.units {
		names[name] = true
	}
	for _, dir := range unitDirs {
		for _, name := range m.tree.children(dir) {
			if path.Ext(name) == ".service" || path.Ext(name) == ".socket" || path.Ext(name) == ".timer" || path.Ext(name) == ".target" || path.Ext(name) == ".path" {
				names[name] = true
			}
		}
	}
	for name := range names {
		m.unit(name).file = m.readUnit(name)
	}
}

func (m *machine) enable(name string) error {
	f := m.readUnit(name)
	switch {
	case f == nil:
		return fmt.Errorf("enable unit: Unit file %s does not exist.", name)
	case f.masked:
		return fmt.Errorf("enable unit: Unit file %s is masked.", f.path)
	}
	links := map[string]string{}
	for _, t := range f.words("Install.WantedBy") {
		links["/etc/systemd/system/"+t+".wants"] = name
	}
	for _, t := range f.words("Install.RequiredBy") {
		links["/etc/systemd/system/"+t+".requires"] = name
	}
	if len(links) == 0 {
		return fmt.Errorf("enable unit: the unit file %s has no installation config (WantedBy=, RequiredBy=)", name)
	}
	for dir := range links {
		if m.tree.get(dir) == nil {
			m.tree.put(dir, &node{kind: host.Dir, mode: 0o755, owner: "root", group: "root", mtime: m.clock})
		}
		if old := m.tree.get(dir + "/" + name); old != nil && old.target == f.path {
			continue
		}
		if err := m.place(dir+"/"+name, "", "", &node{kind: host.Link, mode: 0o777, target: f.path}); err != nil {
			return err
		}
		m.outdated = true
	}
	return nil
}

// disable removes the links. Missing ones are no error.
func (m *machine) disable(name string) {
	for _, p := range m.installLinks(name) {
		m.tree.put(p, nil)
		m.outdated = true
	}
}

func (m *machine) stop(name string) error {
	u := m.unit(name)
	if u.file == nil && u.active == "inactive" {
		return fmt.Errorf("stop unit: Unit %s not loaded.", name)
	}
	m.halt(name, u)
	return nil
}

func (m *machine) halt(name string, u *unit) {
	if u.active == "failed" { // systemd keeps it failed
		return
	}
	if u.active != "inactive" {
		u.journal = append(u.journal, "Stopped "+name+".")
	}
	u.active, u.sub, u.pid, u.result = "inactive", "dead", 0, "success"
	m.moved = true
}

// startable returns why systemd would refuse to queue a start.
func (m *machine) startable(name string) error {
	switch u := m.unit(name); {
	case u.file == nil:
		return fmt.Errorf("start unit: Unit %s not found.", name)
	case u.file.masked:
		return fmt.Errorf("start unit: Unit %s is masked.", name)
	case u.file.last("Service.ExecStart") == "" && strings.HasSuffix(name, ".service"):
		return fmt.Errorf("start unit: Unit %s has a bad unit file setting.", name)
	}
	return nil
}

func (m *machine) start(name string) error {
	if err := m.startable(name); err != nil {
		return err
	}
	u := m.unit(name)
	if u.active == "active" {
		return nil
	}
	m.moved = true
	for _, c := range append(u.file.all("Unit.ConditionPathExists"), u.file.all("Unit.AssertPathExists")...) {
		p, not := strings.CutPrefix(c, "!")
		if (m.tree.open(p) != nil) == not {
			u.journal = append(u.journal, fmt.Sprintf("%s was skipped because of an unmet condition check (ConditionPathExists=%s).", name, c))
			u.active, u.sub, u.result = "inactive", "dead", "success"
			return nil
		}
	}
	if err := m.launch(name, u); err != nil {
		return m.failed(name, u, err)
	}
	return nil
}

// launch runs a unit's programs as far as the host in memory can.
func (m *machine) launch(name string, u *unit) error {
	f := u.file
	u.pid, u.result = 0, "success"
	if err := m.sandbox(f); err != nil {
		return err
	}
	user := f.last("Service.User")
	lines := append(append([]string{}, f.all("Service.ExecStartPre")...), f.all("Service.ExecStart")...)
	for _, line := range append(lines, f.all("Service.ExecStartPost")...) {
		c := parseCommand(expand(line, name))
		as := user
		if c.asRoot {
			as = ""
		}
		if err := m.exec(c.argv, as); err != nil && !c.ignore {
			return err
		}
	}
	if fail, ok := m.failing[name]; ok {
		return &exitStatus{"exit-code", "1/FAILURE", fail.journal}
	}
	u.read, u.inputs = m.configuration(u.file), u.file.variable(host.InputsVar)
	m.nextPID++
	u.pid = m.nextPID
	u.active, u.sub, u.entered = "active", "running", m.clock
	if f.last("Service.Type") == "oneshot" {
		u.pid = 0
		u.active, u.sub = "inactive", "dead"
		if isTrue(f.last("Service.RemainAfterExit")) {
			u.active, u.sub = "active", "exited"
		}
	}
	u.journal = append(u.journal, "Started "+name+".")
	if err := m.behave(name, f); err != nil {
		return &exitStatus{"exit-code", "1/FAILURE", []string{err.Error()}}
	}
	return nil
}

func isTrue(s string) bool { return s == "yes" || s == "true" || s == "1" || s == "on" }

// expand replaces the few specifiers that units use.
func expand(s, name string) string {
	return strings.NewReplacer("%n", name, "%N", strings.TrimSuffix(name, path.Ext(name)), "%%", "%").Replace(s)
}

// failed sets the state of a unit after a failed start and returns the error.
func (m *machine) failed(name string, u *unit, err error) error {
	status, ok := err.(*exitStatus)
	if !ok {
		status = &exitStatus{"resources", "", []string{err.Error()}}
	}
	u.journal = append(u.journal, status.journal...)
	if status.code != "" {
		u.journal = append(u.journal, fmt.Sprintf("%s: Main process exited, code=exited, status=%s", name, status.code))
	}
	u.journal = append(u.journal, fmt.Sprintf("%s: Failed with result '%s'.", name, status.result))
	u.active, u.sub, u.pid, u.result = "failed", "failed", 0, status.result
	if r := u.file.last("Service.Restart"); r == "always" || r == "on-failure" {
		u.active, u.sub = "activating", "auto-restart"
	}
	return fmt.Errorf("job for %s failed: %s", name, status.result)
}

// An exitStatus is how a unit's program ended.
type exitStatus struct {
	result  string // such as exit-code, resources
	code    string // such as 203/EXEC
	journal []string
}

func (e *exitStatus) Error() string { return e.result + " " + e.code }
