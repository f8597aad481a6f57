package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// machineDir holds notes of what the lab changed on the machine. It is lost at
// a reboot, like these changes.
const machineDir = "/run/pmk-lab"

// A machine is the state to restore when the lab goes down.
type machine struct {
	Engine   *process          `json:"engine,omitempty"`   // the dockerd that the lab started
	Firewall *firewall         `json:"firewall,omitempty"` // state before that dockerd
	Sysctls  map[string]string `json:"sysctls,omitempty"`  // values before the lab's, by path below /proc/sys
}

// A process is identified by pid and start time, because a pid can be used
// again.
type process struct {
	Pid   int    `json:"pid"`
	Start string `json:"start"` // clock ticks since boot
}

func (p process) runs() bool {
	start, err := startTime(p.Pid)
	return err == nil && start == p.Start
}

// startTime returns field 22 of the process's stat. Fields are counted after
// the name, which may contain any character. A zombie counts as ended.
func startTime(pid int) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 20 || f[0] == "Z" {
		return "", os.ErrProcessDone
	}
	return f[19], nil
}

func loadMachine() (*machine, error) {
	m := &machine{}
	b, err := os.ReadFile(filepath.Join(machineDir, "machine.json"))
	if errors.Is(err, os.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	return m, json.Unmarshal(b, m)
}

func (m *machine) save() error {
	return writeJSON(filepath.Join(machineDir, "machine.json"), m)
}

// lockMachine waits until no other run of the lab holds the lock. The caller
// unlocks.
func lockMachine(ctx context.Context) (*flock.Flock, error) {
	if err := os.MkdirAll(machineDir, 0o700); err != nil {
		return nil, fmt.Errorf("lock the lab (it needs root): %w", err)
	}
	l := flock.New(filepath.Join(machineDir, "lock"))
	if _, err := l.TryLockContext(ctx, 200*time.Millisecond); err != nil {
		return nil, fmt.Errorf("lock the lab: %w", err)
	}
	return l, nil
}

// watchLimits are limits that are raised for many hosts. All hosts share the
// machine's inotify instances (128 by default) and its neighbour table: 33
// hosts that all talk to each other fill the default of 1024.
var watchLimits = map[string]int{
	"fs/inotify/max_user_instances":     8192,
	"fs/inotify/max_user_watches":       1048576,
	"net/ipv4/neigh/default/gc_thresh1": 8192,
	"net/ipv4/neigh/default/gc_thresh2": 16384,
	"net/ipv4/neigh/default/gc_thresh3": 32768,
}

// fewHosts is the largest number of hosts with a cluster for which the default
// limits are enough.
const fewHosts = 8

// raiseLimits raises the machine's limits for n hosts and notes the old values
// in m.
func raiseLimits(m *machine, n int) error {
	if n <= fewHosts {
		return nil
	}
	for name, want := range watchLimits {
		have, err := readSysctl(name)
		if err != nil {
			return err
		}
		if v, err := strconv.Atoi(have); err != nil || v >= want {
			continue
		}
		if m.Sysctls == nil {
			m.Sysctls = make(map[string]string)
		}
		m.Sysctls[name] = have
		if err := m.save(); err != nil {
			return err
		}
		if err := writeSysctl(name, strconv.Itoa(want)); err != nil {
			return err
		}
	}
	return nil
}

// restoreLimits undoes raiseLimits, except for limits that have been changed
// since.
func restoreLimits(m *machine) error {
	for name, before := range m.Sysctls {
		have, err := readSysctl(name)
		if err != nil {
			return err
		}
		if have == strconv.Itoa(watchLimits[name]) {
			if err := writeSysctl(name, before); err != nil {
				return err
			}
		}
	}
	m.Sysctls = nil
	return m.save()
}

func readSysctl(name string) (string, error) {
	b, err := os.ReadFile(filepath.Join("/proc/sys", name))
	return strings.TrimSpace(string(b)), err
}

func writeSysctl(name, value string) error {
	return os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644)
}

// writeJSON replaces file at once, so that a reader finds the old or the new
// content, never a part.
func writeJSON(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(file, append(b, '\n'), 0o644)
}

func writeFile(file string, content []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	tmp := file + ".tmp"
	if err := os.WriteFile(tmp, content, mode); err != nil {
		return err
	}
	return os.Rename(tmp, file)
}
