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

// A round is the state of a prober between ProbeListen and ProbeEnd.
type round struct {
	cipher
	life *time.Timer
	self *net.UDPConn // on the loopback, for Self dials

	mu       sync.Mutex
	host     string
	lockFile *os.File
	open     map[io.Closer]bool // everything that must be closed
	closed   bool
	ports    map[uint16]string // TCP ports bound here that other hosts reach, and the kernel's table of their connections
	arrivals map[key]*host.Arrival
	order    []key
	waiting  map[uint64]func(echo) // what handles the echoes, by nonce
	missed   map[uint64]*missed    // dials that ended in silence
	pumps    []*pump               // one for each datagram socket
	backlogs []*backlog            // one for each TCP port
	calls    byte                  // number of ProbeDial calls so far
	heard    map[uint64]time.Time  // when the kernel received the last datagram of a Self dial, by nonce
}

// An echo is an answer to a frame of ours.
type echo struct {
	frame
	at    time.Time // when the kernel received it
	aside bool      // it came to a listener's port, not to the port that the request was sent from
}

// A key identifies an arrival.
type key struct {
	proto string
	nonce uint64
	from  netip.AddrPort // with a port only if it is half open
	port  int
}

func newRound(id string) (*round, error) {
	self, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("listen on the loopback: %w", err)
	}
	r := &round{cipher: newCipher(id), self: self, open: map[io.Closer]bool{}, ports: map[uint16]string{},
		arrivals: map[key]*host.Arrival{}, waiting: map[uint64]func(echo){}, missed: map[uint64]*missed{}, heard: map[uint64]time.Time{}}
	r.keep(self)
	if err := r.serveUDP(self, 0, false); err != nil {
		r.drop(self)
		return nil, err
	}
	return r, nil
}

// start runs a pump until its socket is closed.
func (r *round) start(p *pump) {
	r.mu.Lock()
	r.pumps = append(r.pumps, p)
	r.mu.Unlock()
	go p.run()
}

// drain handles all that has arrived and was not read yet.
func (r *round) drain() {
	r.mu.Lock()
	pumps, backlogs := slices.Clone(r.pumps), slices.Clone(r.backlogs)
	r.mu.Unlock()
	for _, p := range pumps {
		p.drain()
	}
	for _, b := range backlogs {
		b.drain()
	}
}

func (r *round) setHost(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.host = name
}

// keep notes what must be closed at the end of the round. If the round has
// ended it closes c and returns false.
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

// noteHalf notes the connections that are half open now, because they end
// with their listeners.
func (r *round) noteHalf() {
	r.mu.Lock()
	ports := maps.Clone(r.ports)
	r.mu.Unlock()
	half := halfOpen(ports)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range half {
		r.note(key{proto: "tcp", from: h.from, port: h.port}, true, 0)
	}
}

// note counts an arrival and how late it is handled; r.mu is held.
func (r *round) note(k key, half bool, late time.Duration) {
	a := r.arrivals[k]
	if a == nil {
		a = &host.Arrival{Half: half, From: k.from.Addr().String(), FromPort: int(k.from.Port()), Port: k.port, Proto: k.proto}
		if !half {
			a.Nonce = nonceText(k.nonce)
		}
		r.arrivals[k] = a
		r.order = append(r.order, k)
	}
	a.Count++
	if late <= host.Promptly {
		a.Prompt++
	}
}

// arrived lists the arrivals in the order in which they came.
func (r *round) arrived() []host.Arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]host.Arrival, len(r.order))
	for i, k := range r.order {
		out[i] = *r.arrivals[k]
	}
	return out
}

// arrivedOf lists the arrivals of some nonces, and half-open connections.
func (r *round) arrivedOf(nonces map[uint64]bool) []host.Arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []host.Arrival
	for _, k := range r.order {
		if a := r.arrivals[k]; a.Half || nonces[k.nonce] {
			out = append(out, *a)
		}
	}
	return out
}

// An arrival is a frame that came in.
type arrival struct {
	data  []byte
	proto string
	from  netip.AddrPort
	port  int // port it came to; 0 for sockets that only dial and for the loopback socket
	at    time.Time
	late  time.Duration // how long it waited to be read
}

// handle takes a frame that arrived. It returns the echo for it, if one is
// due, and one to send to the listener's port at the other end. That one has
// the shape of what arrived, because a component may hold the port there.
func (r *round) handle(in arrival) (reply, aside []byte) {
	f, ok := r.cipher.open(in.data)
	if !ok {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.kind == pong {
		r.deliver(echo{f, in.at, in.port != 0})
		return nil, nil
	}
	if f.kind != ping && f.kind != pingAside {
		return nil, nil
	}
	if in.port == 0 { // the loopback socket
		r.heard[f.nonce] = in.at
	} else {
		r.note(key{in.proto, f.nonce, netip.AddrPortFrom(in.from.Addr().Unmap(), 0), in.port}, false, in.late)
	}
	reply = r.seal(frame{kind: pong, seq: f.seq, nonce: f.nonce, name: r.host})
	if f.kind == pingAside {
		aside = slices.Concat(in.data[:bytes.Index(in.data, []byte(magic))], reply)
	}
	return reply, aside
}

// deliver passes an echo to the dial that waits for it. A late echo is kept
// for the next dial with its nonce. r.mu is held.
func (r *round) deliver(e echo) {
	if m := r.missed[e.nonce]; m != nil && m.echo == nil {
		m.echo = &e
	}
	if take := r.waiting[e.nonce]; take != nil {
		take(e)
	}
}

// await calls take for each echo of a nonce until the returned function is
// called. take must not block.
func (r *round) await(nonce uint64, take func(echo)) func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting[nonce] = take
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.waiting, nonce)
	}
}

// A missed dial has ended in silence.
type missed struct {
	sent time.Time
	echo *echo // came after the end; nil if none did
}

// miss notes that a dial ended in silence.
func (r *round) miss(nonce uint64, sent time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.missed[nonce] == nil {
		r.missed[nonce] = &missed{sent: sent}
	}
}

// belated returns a missed dial whose echo came after its end; nil if none
// did.
func (r *round) belated(nonce uint64) *missed {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.missed[nonce]; m != nil && m.echo != nil {
		return m
	}
	return nil
}

func (m *missed) outcome(one host.Dial) host.Dialled {
	d := judge(one.Host, m.echo.name)
	d.RTT, d.Sent, d.Got = between(m.sent, m.echo.at), 1, 1
	return d
}

// kernelTook returns how long a datagram to this host itself was under way;
// until now if it has not come.
func (r *round) kernelTook(nonce uint64, sent time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.heard[nonce]
	if at.Before(sent.Round(0)) {
		return time.Since(sent)
	}
	return between(sent, at)
}
