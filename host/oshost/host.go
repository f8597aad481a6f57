package oshost

import (
	"os/exec"
	"path/filepath"
	"sync"
)

// Options configure a Host. The zero value is right on a real host.
type Options struct {
	StateDir   string // "" is /var/lib/pmkctl
	Kubeconfig string // "" is /etc/kubernetes/admin.kubeconfig
}

// Host is this machine.
type Host struct {
	state      string
	kubeconfig string

	bus      systemd
	names    accounts
	digests  digests
	keys     keyList
	kernel   kernel
	clients  clients
	paths    pathLocks
	children children

	probes
}

// New returns this machine. It connects to nothing before a call needs it.
func New(o Options) *Host {
	h := &Host{state: o.StateDir, kubeconfig: o.Kubeconfig}
	if h.state == "" {
		h.state = "/var/lib/pmkctl"
	}
	if h.kubeconfig == "" {
		h.kubeconfig = "/etc/kubernetes/admin.kubeconfig"
	}
	h.digests.path = filepath.Join(h.state, "digests.json")
	h.keys.path = filepath.Join(h.state, "keys.json")
	h.children.running = map[*exec.Cmd]bool{}
	return h
}

// Close ends programs that still run, and connections. Services of systemd go
// on.
func (h *Host) Close() error {
	h.children.kill()
	h.bus.close()
	return nil
}

// pathLocks keep two changes of one path apart, because both would use the
// same temporary file.
type pathLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits until no other call in this process changes path.
func (p *pathLocks) lock(path string) (unlock func()) {
	path = filepath.Clean(path)
	for {
		p.mu.Lock()
		if p.held == nil {
			p.held = map[string]chan struct{}{}
		}
		busy, ok := p.held[path]
		if !ok {
			done := make(chan struct{})
			p.held[path] = done
			p.mu.Unlock()
			return func() {
				p.mu.Lock()
				delete(p.held, path)
				p.mu.Unlock()
				close(done)
			}
		}
		p.mu.Unlock()
		<-busy
	}
}
