package reach

import (
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// later reports whether a present host's datagrams to itself took longer than
// limit in the last pass.
func (r *round) later(name string, limit time.Duration) bool {
	p := r.peers[name]
	return p != nil && p.err == nil && (p.self.Outcome != host.OK || p.self.RTT > limit)
}

// awake reports whether a host's process heard itself promptly all through
// the last pass.
func (p *peer) awake() bool {
	return p.err == nil && p.self.Outcome == host.OK && p.self.RTT <= host.Promptly
}

// kernelLate reports whether a present host's kernel took longer than limit
// in the last pass to deliver a datagram to the host itself.
func (p *peer) kernelLate(limit time.Duration) bool { return p.err == nil && p.self.Kernel > limit }
