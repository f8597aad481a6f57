package probe

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// A round is what a prober holds between ProbeListen and ProbeEnd.
type round struct {
	cipher
	life *time.Timer
	self *net.UDPConn // on the loopback, for dials to oneself

	mu       sync.Mutex
	host     string
	lockFile *os.File
	open     map[io.Closer]bool // everything that must be closed
	closed   bool
	ports    map[uint16]bool // TCP ports bound here
	arrivals map[key]*host.Arrival
	order    []key
	waiting  map[uint64]func(frame, bool) // dials that an echo may be for
}

// A key tells arrivals apart.
type key struct {
	proto string
	nonce uint64
	from  netip.Addr
	port  int
}

func newRound(id string) (*round, error) {
	self, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("listen on the loopback: %w", err)
	}
	r := &round{cipher: newCipher(id), self: self, open: map[io.Closer]bool{}, ports: map[uint16]bool{},
		arrivals: map[key]*host.Arrival{}, waiting: map[uint64]func(frame, bool){}}
	r.keep(self)
	go r.serveUDP(self, 0, false)
	return r, nil
}

func (r *round) setHost(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.host = name
}

// keep notes what the end of the round must close; false if it is over, and
// then c is closed.
func (r *round) keep(c io.Closer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		c.Close()
		return false
	}
	r.open[c] = true
	return true
}

// drop closes what keep noted.
func (r *round) drop(c io.Closer) {
	r.mu.Lock()
	delete(r.open, c)
	r.mu.Unlock()
	c.Close()
}

// close ends the round.
func (r *round) close() {
	r.life.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for c := range r.open {
		c.Close()
	}
	clear(r.open)
	if r.lockFile != nil {
		r.lockFile.Close()
	}
}

// noteHalf notes the connections that are half open at this moment: the end
// of the listeners takes them along.
func (r *round) noteHalf() {
	r.mu.Lock()
	ports := maps.Clone(r.ports)
	r.mu.Unlock()
	half := halfOpen(ports)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range half {
		r.note(key{proto: "tcp", from: h.from, port: h.port}, true)
	}
}

// note counts an arrival; r.mu is held.
func (r *round) note(k key, half bool) {
	a := r.arrivals[k]
	if a == nil {
		a = &host.Arrival{Half: half, From: k.from.String(), Port: k.port, Proto: k.proto}
		if !half {
			a.Nonce = nonceText(k.nonce)
		}
		r.arrivals[k] = a
		r.order = append(r.order, k)
	}
	a.Count++
}

// arrived lists the arrivals of a closed round, in the order they came.
func (r *round) arrived() []host.Arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]host.Arrival, len(r.order))
	for i, k := range r.order {
		out[i] = *r.arrivals[k]
	}
	return out
}

// handle takes a frame that arrived and returns the echo for it, if one is
// due, and one to send to the listener's port at the other end. That looks
// like what arrived, since a component may hold the port there.
func (r *round) handle(b []byte, proto string, from netip.AddrPort, port int) (echo, aside []byte) {
	f, ok := r.cipher.open(b)
	if !ok {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.kind == pong {
		if take := r.waiting[f.nonce]; take != nil {
			take(f, port != 0)
		}
		return nil, nil
	}
	if f.kind != ping && f.kind != pingAgain {
		return nil, nil
	}
	if port != 0 { // not the loopback's own
		r.note(key{proto, f.nonce, from.Addr().Unmap(), port}, false)
	}
	echo = r.seal(frame{kind: pong, seq: f.seq, nonce: f.nonce, name: r.host})
	if f.kind == pingAgain {
		aside = slices.Concat(b[:bytes.Index(b, []byte(magic))], echo)
	}
	return echo, aside
}

// await has take called for each echo of a nonce, until the function that
// it returns is called; with true if it came to a listener's port instead of
// the one it was asked from. take must not block.
func (r *round) await(nonce uint64, take func(frame, bool)) func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting[nonce] = take
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.waiting, nonce)
	}
}
