package hosttest

import (
	"context"
	"slices"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// looks is what preflight sees of a machine beside what others need as well.
type looks struct {
	sync    []time.Duration // how long synced writes take
	noSync  bool
	chains  []host.Chain
	names   map[string]host.Resolved
	answers map[string]string       // to Get, by URL
	traces  map[string][]host.Trace // of who changed something, by item
}

// usualSync is what a solid-state disk takes.
const usualSync = 500 * time.Microsecond

// WithFsync says how long synced writes take, one after the other; the last
// one goes for all that follow. None at all means that the file system
// cannot tell.
func WithFsync(took ...time.Duration) Option {
	return func(h *Host) { h.looks.sync, h.looks.noSync = took, len(took) == 0 }
}

// WithFirewall gives the packet filter chains.
func WithFirewall(chains ...host.Chain) Option { return func(h *Host) { h.looks.chains = chains } }

// WithName says what a name stands for on the host; without addresses
// nothing. Names that nobody spoke of stand for 198.51.100.1.
func WithName(name string, addrs ...string) Option {
	return func(h *Host) {
		if h.looks.names == nil {
			h.looks.names = map[string]host.Resolved{}
		}
		r := host.Resolved{Name: name, Addrs: addrs}
		if len(addrs) == 0 {
			r.Err = "no such host"
		}
		h.looks.names[name] = r
	}
}

// WithAnswer is what the process that serves a URL answers to it.
func WithAnswer(url, body string) Option {
	return func(h *Host) {
		if h.looks.answers == nil {
			h.looks.answers = map[string]string{}
		}
		h.looks.answers[url] = body
	}
}

// FsyncLatency implements host.Reader. It takes no time.
func (h *Host) FsyncLatency(ctx context.Context, dir string, n int) ([]time.Duration, error) {
	var took []time.Duration
	err := h.read(ctx, "FsyncLatency", dir, func() error {
		if h.looks.noSync {
			return host.ErrUnavailable
		}
		one := usualSync
		for i := range n {
			if i < len(h.looks.sync) {
				one = h.looks.sync[i]
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
		chains = slices.Clone(h.looks.chains)
		return nil
	})
	return chains, err
}

// Lookup implements host.Reader.
func (h *Host) Lookup(ctx context.Context, names []string) ([]host.Resolved, error) {
	var found []host.Resolved
	err := h.read(ctx, "Lookup", "", func() error {
		for _, name := range names {
			r, ok := h.looks.names[name]
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
