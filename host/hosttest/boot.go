package hosttest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

// kernel is the state of a kernel right after its start.
type kernel struct {
	sysctls  map[string]string
	features map[string]host.KernelFeature
}

// Reboot stops all and starts what a real host would: /run is empty, modules
// and settings are those of modules-load.d and sysctl.d, swaps in /etc/fstab
// are on, and enabled units run, in the order of their After=.
func (h *Host) Reboot() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick()
	h.boots++
	h.facts.BootID = fmt.Sprintf("%s%04x", h.facts.BootID[:len(h.facts.BootID)-4], h.boots)
	for p := range h.tree.own {
		if strings.HasPrefix(p, "/run/") && h.tree.base[p] == nil {
			h.tree.put(p, nil)
		}
	}
	for _, u := range h.units {
		*u = unit{active: "inactive", sub: "dead", result: "success", journal: u.journal}
	}
	h.foreign, h.facts.Swaps = nil, h.fstabSwaps()
	h.remains = remains{}
	h.startKernel()
	h.reload()
	h.startEnabled()
	h.moved = true
	h.push()
}

// PowerOff stops all that runs. Calls to the host are still answered, so cut
// its connection as well.
func (h *Host) PowerOff() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick()
	for _, u := range h.units {
		u.active, u.sub, u.pid = "inactive", "dead", 0
	}
	h.foreign, h.moved = nil, true
	h.push()
}

// fstabSwaps returns the swap devices in fstab(5).
func (m *machine) fstabSwaps() []string {
	n := m.tree.open("/etc/fstab")
	if n == nil {
		return nil
	}
	var swaps []string
	for _, line := range strings.Split(string(n.content), "\n") {
		if f := strings.Fields(line); len(f) > 2 && f[0][0] != '#' && f[2] == "swap" {
			swaps = append(swaps, f[0])
		}
	}
	return swaps
}

// startKernel loads and sets what the configuration says. Failures do not
// stop the boot.
func (m *machine) startKernel() {
	m.sysctls, m.features = maps.Clone(m.kernel.sysctls), maps.Clone(m.kernel.features)
	console := &Host{machine: m, admin: true}
	modules := m.confLines("/etc/modules-load.d")
	m.mu.Unlock()
	defer m.mu.Lock()
	for _, name := range modules {
		_ = console.LoadModule(context.Background(), name)
	}
	_, _ = runSysctl(console, []string{"sysctl", "--system"}, nil)
}

// confLines returns the lines of all *.conf in a directory.
func (m *machine) confLines(dir string) []string {
	var lines []string
	for _, name := range m.tree.children(dir) {
		n := m.tree.open(dir + "/" + name)
		if n == nil || !strings.HasSuffix(name, ".conf") {
			continue
		}
		for _, line := range strings.Split(string(n.content), "\n") {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != ';' {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// startEnabled starts enabled units. A unit waits for those in its After=. A
// unit that fails and has a Restart= is tried once more when the others run.
func (m *machine) startEnabled() {
	var names []string
	for name, u := range m.units {
		if u.file != nil && len(m.installLinks(name)) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	done := map[string]bool{}
	var start func(name string)
	start = func(name string) {
		if done[name] || m.units[name] == nil || m.units[name].file == nil {
			return
		}
		done[name] = true
		f := m.units[name].file
		for _, before := range append(f.words("Unit.After"), f.words("Unit.Requires")...) {
			if slices.Contains(names, before) {
				start(before)
			}
		}
		_ = m.start(name) // the journal has the error
		for _, other := range append(f.words("Unit.Wants"), f.words("Unit.Requires")...) {
			start(other)
		}
		m.push()
	}
	for range 2 {
		for _, name := range names {
			start(name)
		}
		clear(done)
	}
}
