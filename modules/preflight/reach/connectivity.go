package reach

import (
	"context"
	mrand "math/rand/v2"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// Connectivity is the probe over all hosts. It costs three round trips one
// after the other for each wave of hosts, and three more if something does
// not pass. Edges of hosts that are not in Hosts are not probed.
type Connectivity struct {
	Hosts     map[string]host.Host
	Addresses map[string]string // internal, by host, also of hosts that are not in Hosts
	Ports     map[string][]preflight.Port
	Edges     []preflight.Edge
	Absent    map[string]string // why a host is not in Hosts: "unreachable", "excluded"
	Wait      time.Duration     // for each edge; 0 is 700 ms
	ClockSkew time.Duration     // the most that two clocks may differ; 0 is 2 s
	Overhead  int               // bytes that the network backend puts around a packet; 0 for none
	Routed    bool              // the network backend is routes: the pods' packets travel unchanged
	Levels    preflight.Levels  // of checks, as the spec has them

	// Holder returns the lock that another run holds on a host, nil if there
	// is none. Nothing is bound on such a host. It should cost no round trip.
	// May be nil.
	Holder func(ctx context.Context, name string) (*host.LockRequest, error)

	// Report is set by each probe. May be nil.
	Report *modules.Value[*preflight.Report]
}

// Bounds of a round.
const (
	defaultWait = 700 * time.Millisecond
	defaultSkew = 2 * time.Second
	callTime    = 20 * time.Second      // a call to one host, without the wait for answers
	busyTime    = 5 * time.Second       // to wait for another run's probe
	lateLoss    = 50 * time.Millisecond // if a kernel is later than this, missing answers prove no loss
	lossBudget  = 1000                  // datagrams on all edges together that show loss; with more edges, resends show it
	mostSamples = 10                    // on one edge
	heldSamples = 3                     // if the component that holds the port gets them too
)

// edgeTime is the time that is allowed for an edge, on average. It is far
// more than an edge takes.
const edgeTime = 100 * time.Microsecond

// Longest is some minutes for 1,000 hosts, see plan.SlowProbe.
func (c Connectivity) Longest() time.Duration {
	wait := c.Wait
	if wait <= 0 {
		wait = defaultWait
	}
	waves := time.Duration((len(c.Hosts)-2)/wavePeers + 1)
	passes := waves*wait + 2*wait + wait*3/2 + 4*wait + searches*rungWait
	calls := 6 * callTime // listen, dial, observe, dial again, measure, end: the wait for a host that dies happens once
	return busyTime + passes + calls + time.Duration(len(c.Edges))*edgeTime
}

// Outputs returns the report, see modules.Giver.
func (c Connectivity) Outputs() []modules.Output {
	if c.Report == nil {
		return nil
	}
	return []modules.Output{c.Report}
}

// Probe returns the findings of Run, see plan.Probe. The host is not used.
func (c Connectivity) Probe(ctx context.Context, _ host.Host) ([]preflight.Finding, error) {
	r, err := c.Run(ctx)
	if err != nil {
		return nil, err
	}
	if c.Report != nil {
		c.Report.Set(r)
	}
	return preflight.WorstFirst(r.Hosts), nil
}

// Run probes. It returns an error only if ctx ends or there is no randomness;
// all other trouble is in the report.
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
