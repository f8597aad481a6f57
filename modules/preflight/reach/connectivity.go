package reach

import (
	"context"
	mrand "math/rand/v2"
	"time"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// Connectivity is the probe over all hosts: it binds every port, and dials
// every edge while all listen. It costs three round trips one after the
// other, for each wave of hosts, and three more where something does not
// pass. Hosts that are not in Hosts have their pairs left out.
type Connectivity struct {
	Hosts     map[string]host.Host
	Addresses map[string]string // internal, by host; of those that are not in Hosts too
	Ports     map[string][]preflight.Port
	Edges     []preflight.Edge
	Left      map[string]string // why a host is not in Hosts: "unreachable", "excluded"
	Wait      time.Duration     // for each edge; 0 is 700 ms
	ClockSkew time.Duration     // the most that two clocks may differ; 0 is 2 s
	Overhead  int               // bytes that the network backend puts around a packet; 0 for none
	Routed    bool              // the network backend is routes: the pods' packets go as they are
	Levels    preflight.Levels  // of checks, as the spec has them

	// Holder tells which other run holds a host's lock, nil if none does.
	// Nothing is bound there then. It should cost no round trip. May be nil.
	Holder func(ctx context.Context, name string) (*host.LockRequest, error)

	// Done is given the report of each check. May be nil.
	Done func(*preflight.Report)
}

// Bounds of a round.
const (
	defaultWait = 700 * time.Millisecond
	defaultSkew = 2 * time.Second
	callTime    = 20 * time.Second      // a call to one host, beside the wait itself
	busyTime    = 5 * time.Second       // to wait for another run's probe
	lateLoss    = 50 * time.Millisecond // a kernel that is later proves no loss
	lossBudget  = 1000                  // datagrams on all edges together, to see loss; beyond, what is sent again shows it
	mostSamples = 10                    // on one edge
	heldSamples = 3                     // where the port's holder gets them too
)

// edgeTime is what an edge may cost, in the mean over all: far more than it
// does.
const edgeTime = 100 * time.Microsecond

// Longest is how long a check may take where hosts are silent or die: for
// 1,000 hosts some minutes.
func (c Connectivity) Longest() time.Duration {
	wait := c.Wait
	if wait <= 0 {
		wait = defaultWait
	}
	waves := time.Duration((len(c.Hosts)-2)/wavePeers + 1)
	passes := waves*wait + 2*wait + wait*3/2 + 4*wait + searches*rungWait
	calls := 6 * callTime // listen, dial, look, dial again, measure, end: a host that dies is waited for once
	return busyTime + passes + calls + time.Duration(len(c.Edges))*edgeTime
}

// Check probes and returns what is wrong; h is not used.
func (c Connectivity) Check(ctx context.Context, _ host.Host) (change.Diff, error) {
	r, err := c.Run(ctx)
	if err != nil {
		return nil, err
	}
	if c.Done != nil {
		c.Done(r)
	}
	return preflight.Diff(r.Hosts), nil
}

// Run probes. It fails when ctx ends; whatever else happens is in the
// report.
func (c Connectivity) Run(ctx context.Context) (*preflight.Report, error) {
	begin := time.Now()
	r, err := c.newRound()
	if err != nil {
		return nil, err
	}
	for r.listen(ctx) && time.Since(begin) < busyTime {
		r.end(ctx)
		pause := time.NewTimer(time.Duration(20+mrand.IntN(200)) * time.Millisecond)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if r, err = c.newRound(); err != nil {
			return nil, err
		}
	}
	r.overlay()
	r.dial(ctx)
	r.measure(ctx)
	r.end(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rep := r.report()
	rep.Took = time.Since(begin)
	return rep, nil
}
