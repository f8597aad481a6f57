package reach

import (
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// later tells if a host that is there heard itself later than that in the
// last pass.
func (r *round) later(name string, limit time.Duration) bool {
	p := r.peers[name]
	return p != nil && p.err == nil && (p.self.Outcome != host.OK || p.self.RTT > limit)
}

// awake tells if a host's process heard itself promptly all through the last
// pass.
func (p *peer) awake() bool {
	return p.err == nil && p.self.Outcome == host.OK && p.self.RTT <= host.Promptly
}

// kernelLate tells if a host that is there took that long, in the last pass,
// to hand itself a datagram.
func (p *peer) kernelLate(limit time.Duration) bool { return p.err == nil && p.self.Kernel > limit }
