package oshost

import (
	"context"
	"errors"

	"github.com/pmkctl/pmkctl/host"
)

// probes is the state of probe rounds.
type probes struct{}

var errNoProbes = errors.New("not served by this build")

// ProbeListen begins a round.
func (h *Host) ProbeListen(ctx context.Context, r host.ListenRequest) ([]host.Bind, error) {
	return nil, errNoProbes
}

// ProbeDial dials the peers of a round.
func (h *Host) ProbeDial(ctx context.Context, r host.DialRequest) ([]host.Dialled, error) {
	return nil, errNoProbes
}

// ProbeEnd ends a round.
func (h *Host) ProbeEnd(ctx context.Context, id string) ([]host.Arrival, error) {
	return nil, errNoProbes
}
