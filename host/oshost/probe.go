package oshost

import (
	"context"
	"sync"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/oshost/probe"
)

// probes is the Prober of this machine; package probe does the work.
type probes struct {
	once   sync.Once
	prober probe.Prober
}

// probeLock is the file whose lock keeps the probes of two runs on one host
// apart.
const probeLock = "/run/pmkctl/probe.lock"

func (h *Host) probing() *probe.Prober {
	h.probes.once.Do(func() {
		h.prober.Sockets = h.holding
		h.prober.Lock = probeLock
	})
	return &h.prober
}

// ProbeListen binds the ports of a round.
func (h *Host) ProbeListen(ctx context.Context, r host.ListenRequest) ([]host.Bind, error) {
	return h.probing().ProbeListen(ctx, r)
}

// ProbeDial dials the peers of a round.
func (h *Host) ProbeDial(ctx context.Context, r host.DialRequest) ([]host.Dialled, error) {
	return h.probing().ProbeDial(ctx, r)
}

// ProbeSeen returns what has arrived in a round so far.
func (h *Host) ProbeSeen(ctx context.Context, r host.SeenRequest) ([]host.Arrival, error) {
	return h.probing().ProbeSeen(ctx, r)
}

// ProbeEnd ends a round and releases its ports.
func (h *Host) ProbeEnd(ctx context.Context, id string) ([]host.Arrival, error) {
	return h.probing().ProbeEnd(ctx, id)
}
