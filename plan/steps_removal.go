package plan

import (
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// destroy takes everything off all hosts: workers stop before the control
// plane does, and the control plane's record goes last, because its inventory
// says which other hosts there are. Nothing is drained, for there is nowhere
// to go.
func (b *builder) destroy() {
	b.add(string(Gate), nil, nil)
	workers, masters := b.byRole()
	after := []Addr{Gate}
	for _, hosts := range [][]*spec.Host{workers, masters} {
		var stopped []Addr
		for _, h := range hosts {
			stopped = append(stopped, b.add("stop", h, b.record(h).Stop(), after...).Addr)
		}
		after = append([]Addr{Gate}, stopped...)
	}
	var left []Addr
	for _, h := range workers {
		left = append(left, b.cleaned(h))
	}
	for _, h := range masters {
		b.cleaned(h, left...)
	}
}

// byRole tells the hosts that keep the control plane from the others, by what
// their records own.
func (b *builder) byRole() (workers, masters []*spec.Host) {
	for _, h := range b.hosts {
		if _, master := b.record(h).Owns["kube-apiserver.service"]; master || h.Has(spec.ControlPlane) {
			masters = append(masters, h)
		} else {
			workers = append(workers, h)
		}
	}
	return workers, masters
}

// cleaned are the steps that take what pmkctl installed off a host that was
// stopped, and at last the record of it.
func (b *builder) cleaned(h *spec.Host, before ...Addr) Addr {
	b.add("clean", h, b.record(h).Clean(), NewAddr("stop", h.Name))
	m := &state.Leave{}
	b.out.join(h.Name, func(k *state.Keeper) { m.Keeper = k })
	return b.add("leave", h, m, append(before, NewAddr("clean", h.Name))...).Addr
}

// record is a host's; an empty one where it has none.
func (b *builder) record(h *spec.Host) *state.Record {
	if r := b.world.Records[h.Name]; r != nil {
		return r
	}
	return &state.Record{}
}
