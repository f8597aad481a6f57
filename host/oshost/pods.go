package oshost

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// A podProcess is a process in /proc.
type podProcess struct {
	pid, parent int
	name        string
	start       string // ticks after boot; pid and start together identify a process
	shim        bool
	pod         bool
}

// Pods lists the processes of pods. A container's process outside of its
// cgroup is found through its shim, which is its ancestor. A process whose
// shim has died is found through the kubelet's cgroups.
func (h *Host) Pods(ctx context.Context) ([]host.PodProcess, error) {
	var out []host.PodProcess
	for _, p := range podProcesses() {
		out = append(out, host.PodProcess{PID: p.pid, Name: p.name, Shim: p.shim})
	}
	return out, ctx.Err()
}

func podProcesses() []podProcess {
	all := map[int]podProcess{}
	pidns, _ := os.Readlink("/proc/self/ns/pid")
	// If this machine is itself a pod, everything on it is in a pod's cgroup.
	own, _ := os.ReadFile("/proc/self/cgroup")
	inside := inPod(string(own))
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if p, ok := readProcess(dir, pidns); ok {
			p.pod = p.pod && !inside
			all[p.pid] = p
		}
	}
	var out []podProcess
	for _, p := range all {
		if p.shim || p.pod || belowShim(all, p) {
			out = append(out, p)
		}
	}
	return out
}

// belowShim reports whether a shim is among the ancestors of a process.
func belowShim(all map[int]podProcess, p podProcess) bool {
	for range 1000 { // /proc is no snapshot and may even have cycles
		parent, ok := all[p.parent]
		if !ok || parent.shim {
			return ok
		}
		p = parent
	}
	return false
}

// readProcess reads a directory of /proc. ok is false if the process has
// ended or only waits for its parent.
func readProcess(dir, pidns string) (p podProcess, ok bool) {
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return p, false
	}
	// The name is in parentheses and may contain some.
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return p, false
	}
	f := strings.Fields(string(stat[end+1:]))
	if len(f) < 20 || f[0] == "Z" || f[0] == "X" {
		return p, false
	}
	p.name, p.start = string(stat[open+1:end]), f[19]
	p.pid, _ = strconv.Atoi(filepath.Base(dir))
	p.parent, _ = strconv.Atoi(f[1])
	cgroups, _ := os.ReadFile(dir + "/cgroup")
	p.pod = inPod(string(cgroups))
	if argv, err := os.ReadFile(dir + "/cmdline"); err == nil && isShim(argv) {
		ns, err := os.Readlink(dir + "/ns/pid") // a machine that runs nodes in containers also sees their shims
		p.shim = err == nil && ns == pidns
	}
	return p, true
}

// inPod reports whether a process is in a cgroup that this machine's kubelet
// makes for pods. Cgroups of kubelets in containers are deeper.
func inPod(cgroups string) bool {
	for line := range strings.Lines(cgroups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		if strings.HasPrefix(parts[2], "/kubepods.slice/") || strings.HasPrefix(parts[2], "/kubepods/") {
			return true
		}
	}
	return false
}

// isShim reports whether an argument list is that of a containerd shim in the
// CRI's namespace.
func isShim(argv []byte) bool {
	args := strings.Split(string(argv), "\x00")
	if !strings.HasPrefix(filepath.Base(args[0]), "containerd-shim") {
		return false
	}
	for i, a := range args {
		if (a == "-namespace" || a == "--namespace") && i+1 < len(args) {
			return args[i+1] == namespace
		}
	}
	return false
}

const (
	podsAgain = 50 * time.Millisecond
	killLimit = 10 * time.Second // for killed processes to end
)

// KillPods ends the processes of pods. Shims are last, because they clean up
// after their containers.
func (h *Host) KillPods(ctx context.Context, grace time.Duration) error {
	signal := func(ps []podProcess, s unix.Signal) {
		for _, p := range ps {
			kill(p, s)
		}
	}
	containers, _ := split(podProcesses())
	if grace > 0 {
		signal(containers, unix.SIGTERM)
	}
	for end := time.Now().Add(grace); len(containers) > 0 && time.Now().Before(end); {
		if err := pause(ctx); err != nil {
			return err
		}
		containers, _ = split(podProcesses())
	}
	// New processes may start as long as shims run.
	for end := time.Now().Add(killLimit); ; {
		containers, shims := split(podProcesses())
		switch {
		case len(containers) > 0:
			signal(containers, unix.SIGKILL)
		case len(shims) > 0:
			signal(shims, unix.SIGKILL)
		default:
			return nil
		}
		if time.Now().After(end) {
			p := append(containers, shims...)[0]
			return fmt.Errorf("end pods: %d processes will not go, among them %d (%s)", len(containers)+len(shims), p.pid, p.name)
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func split(ps []podProcess) (containers, shims []podProcess) {
	for _, p := range ps {
		if p.shim {
			shims = append(shims, p)
		} else {
			containers = append(containers, p)
		}
	}
	return containers, shims
}

// kill signals a process if its pid has not been reused.
func kill(p podProcess, s unix.Signal) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil {
		if err == unix.ENOSYS && same(p) {
			_ = unix.Kill(p.pid, s) // it may have ended
		}
		return
	}
	defer unix.Close(fd)
	if same(p) {
		_ = unix.PidfdSendSignal(fd, s, nil, 0) // it may have ended
	}
}

func same(p podProcess) bool {
	now, ok := readProcess("/proc/"+strconv.Itoa(p.pid), "")
	return ok && now.start == p.start
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(podsAgain):
		return nil
	}
}
