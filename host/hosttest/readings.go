package hosttest

import (
	"context"
	"slices"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// readings are what the machine answers to reads that preflight makes and
// modules rarely do.
type readings struct {
	sync    []time.Duration // durations of synced writes
	noSync  bool
	chains  []host.Chain
	names   map[string]host.Resolved
	answers map[string]string       // answers to Get, by URL
	traces  map[string][]host.Trace // log lines about changes, by item
}

// usualSync is the time of a synced write on a solid-state disk.
const usualSync = 500 * time.Microsecond

// WithFsync sets the durations of synced writes, in order; the last one is
// repeated. Without any, the file system cannot measure it.
func WithFsync(took ...time.Duration) Option {
	return func(h *Host) { h.readings.sync, h.readings.noSync = took, len(took) == 0 }
}

// WithFirewall adds chains to the packet filter.
func WithFirewall(chains ...host.Chain) Option { return func(h *Host) { h.readings.chains = chains } }

// WithName sets the addresses of a name on the host, or that it has none.
// Other names have the address 198.51.100.1.
func WithName(name string, addrs ...string) Option {
	return func(h *Host) {
		if h.readings.names == nil {
			h.readings.names = map[string]host.Resolved{}
		}
		r := host.Resolved{Name: name, Addrs: addrs}
		if len(addrs) == 0 {
			r.Err = "no such host"
		}
		h.readings.names[name] = r
	}
}

// WithAnswer sets the answer of the process that serves a URL.
func WithAnswer(url, body string) Option {
	return func(h *Host) {
		if h.readings.answers == nil {
			h.readings.answers = map[string]string{}
		}
		h.readings.answers[url] = body
	}
}

// FsyncLatency implements host.Reader. It takes no time.
func (h *Host) FsyncLatency(ctx context.Context, dir string, n int) ([]time.Duration, error) {
	var took []time.Duration
	err := h.read(ctx, "FsyncLatency", dir, func() error {
		if h.readings.noSync {
			return host.ErrUnavailable
		}
		one := usualSync
		for i := range n {
			if i < len(h.readings.sync) {
				one = h.readings.sync[i]
			}
			took = append(took, one)
		}
		return nil
	})
	return took, err
}

// Firewall implements host.Reader.
func (h *Host) Firewall(ctx context.Context) ([]host.Chain, error) {
	var chains []host.Chain
	err := h.read(ctx, "Firewall", "", func() error {
		chains = slices.Clone(h.readings.chains)
		return nil
	})
	return chains, err
}

// Lookup implements host.Reader.
func (h *Host) Lookup(ctx context.Context, names []string) ([]host.Resolved, error) {
	var found []host.Resolved
	err := h.read(ctx, "Lookup", "", func() error {
		for _, name := range names {
			r, ok := h.readings.names[name]
			if !ok {
				r = host.Resolved{Name: name, Addrs: []string{"198.51.100.1"}}
			}
			found = append(found, r)
		}
		return nil
	})
	return found, err
}

// WithoutFile removes a file of the bare system.
func WithoutFile(p string) Option {
	return func(h *Host) { must(h.Remove(context.Background(), p)) }
}
