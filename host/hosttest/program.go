package hosttest

import (
	"context"
	"path"
	"strings"

	"github.com/pmkctl/pmkctl/host"
)

// A Program is what Run does for a program. It gets the host's console. If it
// returns a *host.ExitError, Run fills in Argv.
type Program func(h *Host, argv []string, stdin []byte) ([]byte, error)

// OnRun sets what the program of this name does. Its file must be on the host
// as well.
func (h *Host) OnRun(name string, p Program) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.programs[name] = p
}

// Programs implements host.Reader.
func (h *Host) Programs(ctx context.Context, names []string) ([]host.Program, error) {
	var found []host.Program
	err := h.read(ctx, "Programs", strings.Join(names, " "), func() error {
		for _, name := range names {
			found = append(found, host.Program{Name: name, Path: h.programPath(name)})
		}
		return nil
	})
	return found, err
}

// Run implements host.Writer. Unknown programs fail.
func (h *Host) Run(ctx context.Context, argv []string, stdin []byte) ([]byte, error) {
	if len(argv) == 0 {
		return nil, unknown("run nothing")
	}
	var out []byte
	err := h.change(ctx, "Run", strings.Join(argv, " "), func() error {
		p := argv[0]
		if !path.IsAbs(p) {
			p = h.programPath(p)
		}
		if n := h.tree.open(p); n == nil || n.mode&0o111 == 0 {
			return &host.ExitError{Argv: argv, Status: 127, Stderr: "executable file not found"}
		}
		program := h.programs[path.Base(p)]
		if program == nil {
			return unknown("what %s does is not known here; see OnRun", path.Base(p))
		}
		return h.unlocked(func(console *Host) error {
			var err error
			out, err = program(console, argv, stdin)
			if exit, ok := err.(*host.ExitError); ok {
				exit.Argv = argv
			}
			return err
		})
	})
	return out, err
}

func barePrograms() map[string]Program {
	return map[string]Program{
		"true":             func(*Host, []string, []byte) ([]byte, error) { return nil, nil },
		"false":            func(*Host, []string, []byte) ([]byte, error) { return nil, &host.ExitError{Status: 1} },
		"systemd-sysusers": runSysusers,
		"modprobe":         runModprobe,
		"sysctl":           runSysctl,
		"swapoff":          runSwapoff,
		"userdel":          runUserdel,
		"cp":               runCopy,
		"mv":               runMove,
		"ctr":              runCtr,
	}
}

func runSysusers(h *Host, argv []string, _ []byte) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	files := argv[1:]
	if len(files) == 0 {
		for _, dir := range []string{"/etc/sysusers.d", "/usr/lib/sysusers.d"} {
			for _, name := range h.tree.children(dir) {
				files = append(files, dir+"/"+name)
			}
		}
	}
	for _, p := range files {
		if strings.HasPrefix(p, "-") {
			return nil, unknown("systemd-sysusers %s", p)
		}
		if !path.IsAbs(p) {
			p = "/etc/sysusers.d/" + p
		}
		n := h.tree.open(p)
		if n == nil {
			return nil, &host.ExitError{Status: 1, Stderr: "Failed to open '" + p + "': No such file or directory"}
		}
		if err := h.sysusers(string(n.content)); err != nil {
			return nil, &host.ExitError{Status: 1, Stderr: p + ": " + err.Error()}
		}
	}
	return nil, nil
}

func runModprobe(h *Host, argv []string, _ []byte) ([]byte, error) {
	for _, name := range argv[1:] {
		if strings.HasPrefix(name, "-") {
			continue
		}
		if err := h.LoadModule(context.Background(), name); err != nil {
			return nil, &host.ExitError{Status: 1, Stderr: "modprobe: FATAL: Module " + name + " not found in directory /lib/modules"}
		}
	}
	return nil, nil
}

// runSysctl implements --system, -p FILE and -w NAME=VALUE.
func runSysctl(h *Host, argv []string, _ []byte) ([]byte, error) {
	var lines []string
	h.mu.Lock()
	read := func(p string) {
		if n := h.tree.open(p); n != nil {
			lines = append(lines, strings.Split(string(n.content), "\n")...)
		}
	}
	for i := 1; i < len(argv); i++ {
		switch a := argv[i]; {
		case a == "--system":
			for _, name := range h.tree.children("/etc/sysctl.d") {
				read("/etc/sysctl.d/" + name)
			}
			read("/etc/sysctl.conf")
		case strings.HasPrefix(a, "/"):
			read(a)
		case strings.Contains(a, "="):
			lines = append(lines, a)
		case a != "-p" && a != "-w" && a != "-q":
			h.mu.Unlock()
			return nil, unknown("sysctl %s", a)
		}
	}
	h.mu.Unlock()
	for _, line := range lines {
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if !ok || strings.HasPrefix(name, "#") || strings.HasPrefix(name, ";") {
			continue
		}
		optional := strings.HasPrefix(name, "-")
		if err := h.SetSysctl(context.Background(), strings.TrimPrefix(name, "-"), strings.TrimSpace(value)); err != nil && !optional {
			return nil, &host.ExitError{Status: 1, Stderr: err.Error()}
		}
	}
	return nil, nil
}

func runSwapoff(h *Host, argv []string, _ []byte) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(argv) == 2 && argv[1] == "-a" {
		h.facts.Swaps = nil
		return nil, nil
	}
	return nil, unknown("swapoff %v", argv[1:])
}

func runUserdel(h *Host, argv []string, _ []byte) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	name := argv[len(argv)-1]
	if _, ok := h.users[name]; !ok || len(argv) != 2 {
		return nil, &host.ExitError{Status: 6, Stderr: "userdel: user '" + name + "' does not exist"}
	}
	if h.groups[name] == h.users[name].gid {
		delete(h.groups, name)
	}
	delete(h.users, name)
	return nil, nil
}

// runCopy implements cp -a -- FROM TO for one file or link.
func runCopy(h *Host, argv []string, _ []byte) ([]byte, error) {
	if len(argv) != 5 || argv[1] != "-a" || argv[2] != "--" {
		return nil, unknown("%s", strings.Join(argv, " "))
	}
	return nil, h.duplicate("cp", argv[3], argv[4])
}

// runMove implements mv -- FROM TO for one file or link.
func runMove(h *Host, argv []string, _ []byte) ([]byte, error) {
	if len(argv) != 4 || argv[1] != "--" {
		return nil, unknown("%s", strings.Join(argv, " "))
	}
	if err := h.duplicate("mv", argv[2], argv[3]); err != nil {
		return nil, err
	}
	return nil, h.Remove(context.Background(), argv[2])
}

// duplicate copies what is at one path to another with all its properties.
func (h *Host) duplicate(program, from, to string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	source, err := h.tree.resolve("stat", from, false)
	n := h.tree.get(source)
	if err != nil || n == nil || n.kind == host.Dir {
		return &host.ExitError{Status: 1, Stderr: program + ": cannot stat '" + from + "': No such file or directory"}
	}
	at, err := h.tree.resolve("open", to, false)
	if err != nil {
		return &host.ExitError{Status: 1, Stderr: program + ": cannot create '" + to + "': " + err.Error()}
	}
	h.tree.put(at, n)
	return nil
}

// runCtr implements ctr -n k8s.io images rm NAME.
func runCtr(h *Host, argv []string, _ []byte) ([]byte, error) {
	if len(argv) != 6 || strings.Join(argv[1:5], " ") != "-n k8s.io images rm" {
		return nil, unknown("%s", strings.Join(argv, " "))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.runs("containerd") {
		return nil, &host.ExitError{Status: 1, Stderr: "ctr: cannot access /run/containerd/containerd.sock"}
	}
	delete(h.images, argv[5])
	return nil, nil
}
