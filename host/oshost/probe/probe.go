package probe

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmkctl/pmkctl/host"
)

// Bounds of a round.
const (
	roundLife  = time.Minute           // a round without ProbeEnd
	resend     = 40 * time.Millisecond // between datagrams, until an echo comes
	retryTCP   = 60 * time.Millisecond // between attempts to connect
	maxTries   = 8                     // attempts for one connection
	maxSockets = 400                   // sockets that connect at once
	defWait    = 700 * time.Millisecond
)

// Prober is the probing side of one machine. Its zero value works, without
// a lock and without names of holders.
type Prober struct {
	// Sockets returns the sockets that hold ports.
	Sockets func(context.Context, []host.PortSpec) ([]host.Socket, error)
	// Lock is a file that is locked during a round, so that two runs do not
	// find each other's listeners; "" for none. Its directory is made with
	// mode 0755 if it does not exist.
	Lock string

	mu     sync.Mutex
	rounds map[string]*round
}

// ProbeListen binds ports. See host.Prober.
func (p *Prober) ProbeListen(ctx context.Context, req host.ListenRequest) ([]host.Bind, error) {
	r, err := p.begin(req.ID)
	if err != nil {
		return nil, err
	}
	binds := make([]host.Bind, len(req.Ports))
	free, err := r.lock(p.Lock)
	if err != nil {
		return nil, err
	}
	if !free {
		p.end(req.ID)
		for i, port := range req.Ports {
			binds[i] = host.Bind{PortSpec: port, Busy: true, Err: "another run probes this host"}
		}
		return binds, nil
	}
	r.setHost(req.Host)
	var held []host.PortSpec
	for i, port := range req.Ports {
		binds[i] = r.listen(port)
		if !binds[i].OK {
			held = append(held, port)
		}
	}
	if len(held) > 0 && p.Sockets != nil {
		socks, err := p.Sockets(ctx, held)
		if err != nil {
			return nil, fmt.Errorf("list sockets: %w", err)
		}
		for i := range binds {
			if !binds[i].OK {
				binds[i].Holder = holder(socks, binds[i].PortSpec)
			}
		}
	}
	return binds, ctx.Err()
}

// ProbeSeen returns what has arrived. See host.Prober.
func (p *Prober) ProbeSeen(_ context.Context, req host.SeenRequest) ([]host.Arrival, error) {
	r, err := p.begin(req.ID)
	if err != nil {
		return nil, err
	}
	nonces := make(map[uint64]bool, len(req.Nonces))
	for _, text := range req.Nonces {
		n, err := parseNonce(text)
		if err != nil {
			return nil, fmt.Errorf("look for nonce %q: %w", text, err)
		}
		nonces[n] = true
	}
	r.drain()
	if req.Half {
		r.noteHalf()
	}
	return r.arrivedOf(nonces), nil
}

// ProbeEnd releases the ports. See host.Prober.
func (p *Prober) ProbeEnd(_ context.Context, id string) ([]host.Arrival, error) {
	r := p.end(id)
	if r == nil {
		return nil, nil
	}
	return r.arrived(), nil
}

// Close ends all rounds.
func (p *Prober) Close() error {
	p.mu.Lock()
	ids := make([]string, 0, len(p.rounds))
	for id := range p.rounds {
		ids = append(ids, id)
	}
	p.mu.Unlock()
	for _, id := range ids {
		p.end(id)
	}
	return nil
}

// begin returns the round with this id, or begins it.
func (p *Prober) begin(id string) (*round, error) {
	if id == "" {
		return nil, fmt.Errorf("begin probe round: it has no id")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.rounds[id]; r != nil {
		r.life.Reset(roundLife)
		return r, nil
	}
	r, err := newRound(id)
	if err != nil {
		return nil, err
	}
	r.life = time.AfterFunc(roundLife, func() { p.end(id) })
	if p.rounds == nil {
		p.rounds = map[string]*round{}
	}
	p.rounds[id] = r
	return r, nil
}

// end removes a round; nil if there is none.
func (p *Prober) end(id string) *round {
	p.mu.Lock()
	r := p.rounds[id]
	delete(p.rounds, id)
	p.mu.Unlock()
	if r != nil {
		r.drain()
		r.close()
	}
	return r
}

// lock takes the machine's probe lock, once in a round. It returns false if
// another process has it.
func (r *round) lock(path string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if path == "" || r.lockFile != nil {
		return true, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, fmt.Errorf("make folder of probe lock: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, fmt.Errorf("open probe lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if err == unix.EWOULDBLOCK {
			return false, nil
		}
		return false, fmt.Errorf("lock %s: %w", path, err)
	}
	r.lockFile = f
	return true, nil
}

// holder finds the socket that prevents binding a port; nil if the table does
// not have it.
func holder(socks []host.Socket, p host.PortSpec) *host.Socket {
	for _, s := range socks {
		if s.Proto != p.Proto || s.Port != p.Port {
			continue
		}
		if p.Addr == "" || anyAddr(p.Addr) || anyAddr(s.Addr) || sameAddr(s.Addr, p.Addr) {
			return &s
		}
	}
	return nil
}

func anyAddr(s string) bool {
	a, err := netip.ParseAddr(s)
	return s == "" || s == "*" || err == nil && a.IsUnspecified()
}

func sameAddr(a, b string) bool {
	x, err1 := netip.ParseAddr(a)
	y, err2 := netip.ParseAddr(b)
	return err1 == nil && err2 == nil && x.Unmap() == y.Unmap()
}

func parseNonce(s string) (uint64, error) { return strconv.ParseUint(s, 16, 64) }
func nonceText(n uint64) string           { return fmt.Sprintf("%016x", n) }
