package reach

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// A round is one probe of all hosts.
type round struct {
	Connectivity
	id    string
	names []string // of the hosts that are probed, sorted
	peers map[string]*peer
	edges []*edgeState
	base  uint32 // upper half of the nonces

	samples int // datagrams on each UDP edge
}

// A peer is what the round knows about a host.
type peer struct {
	name  string
	slot  int // index among the names
	addr  string
	mtu   int // of the interface with addr; 0 if it is not known
	host  host.Host
	ports []preflight.Port
	lock  *host.LockRequest // that another run holds
	binds []host.Bind
	bound map[portKey]*host.Bind
	err   error // the host is out of the round
	facts host.Facts
	net   host.Network
	self  host.Dialled
	came  []host.Arrival
	seen  []host.Arrival // as of the last call of observe
	clock time.Duration  // by how much its clock is ahead of ours at least
	vague time.Duration  // by how much more it may be ahead
	timed bool
}

// An edgeState is what the round knows about an edge.
type edgeState struct {
	preflight.Edge
	from, to *peer  // nil if the host is not probed
	index    int    // in the list of edges
	skip     string // why it is not dialled; "" if it is
	service  bool
	res      host.Dialled
	dialled  bool
	size     int           // bytes of the full-size datagrams; 0 means none
	full     *host.Dialled // their result, nil if they passed
	passes   int           // bytes that pass, if full-size datagrams do not
	late     bool          // one of its hosts was so busy that missing answers prove no loss
	silence
}

// A portKey identifies a port of a host.
type portKey struct {
	proto string
	port  int
}

func (c Connectivity) newRound() (*round, error) {
	var b [20]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("make round id: %w", err)
	}
	r := &round{Connectivity: c, id: hex.EncodeToString(b[:16]), peers: map[string]*peer{}}
	r.base = uint32(b[16])<<24 | uint32(b[17])<<16 | uint32(b[18])<<8 | uint32(b[19])
	if r.Wait <= 0 {
		r.Wait = defaultWait
	}
	if r.ClockSkew <= 0 {
		r.ClockSkew = defaultSkew
	}
	for name, h := range c.Hosts {
		r.names = append(r.names, name)
		r.peers[name] = &peer{name: name, addr: c.Addresses[name], host: h, ports: c.Ports[name], bound: map[portKey]*host.Bind{}}
	}
	sort.Strings(r.names)
	for i, name := range r.names {
		r.peers[name].slot = i
	}
	r.edges = make([]*edgeState, len(c.Edges))
	all := make([]edgeState, len(c.Edges))
	udp := 0
	for i, e := range c.Edges {
		all[i].Edge, all[i].index, all[i].from, all[i].to = e, i, r.peers[e.From], r.peers[e.To]
		r.edges[i] = &all[i]
		if e.Proto == "udp" {
			udp++
		}
	}
	r.samples = min(max(lossBudget/(udp+1), 1), mostSamples)
	return r, nil
}

// each runs f for all present hosts at once and waits for all. A host for
// which f fails is out of the round.
func (r *round) each(ctx context.Context, limit time.Duration, f func(context.Context, *peer) error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var wg sync.WaitGroup
	for _, name := range r.names {
		p := r.peers[name]
		if p.err != nil {
			continue
		}
		wg.Go(func() { p.err = f(ctx, p) })
	}
	wg.Wait()
}

// end releases everything, even if ctx has ended, and collects what arrived.
func (r *round) end(ctx context.Context) {
	r.each(context.WithoutCancel(ctx), callTime/4, func(ctx context.Context, p *peer) (err error) {
		p.came, err = p.host.ProbeEnd(ctx, r.id)
		return err
	})
}
