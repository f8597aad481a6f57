package plan

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/drain"
	"github.com/pmkctl/pmkctl/modules/etcd"
	"github.com/pmkctl/pmkctl/modules/membership"
	"github.com/pmkctl/pmkctl/modules/node"
	"github.com/pmkctl/pmkctl/modules/removal"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/state"
)

// destroy takes everything off all hosts: workers stop before the control
// plane does, and the control plane's record goes last, because its inventory
// says which other hosts there are. Nothing is drained, for there is nowhere
// to go.
func (b *builder) destroy() {
	b.add(Gate.Module, nil, nil)
	workers, controlPlane := b.byRole()
	after := []address.Step{Gate}
	for _, hosts := range [][]*spec.Host{workers, controlPlane} {
		var stopped []address.Step
		for _, h := range hosts {
			stopped = append(stopped, b.stopped(h, after...))
		}
		after = append([]address.Step{Gate}, stopped...)
	}
	var left []address.Step
	for _, h := range workers {
		left = append(left, b.cleaned(h))
	}
	for _, h := range controlPlane {
		b.cleaned(h, left...)
	}
}

// byRole tells the hosts that keep the control plane from the others, by what
// their records own.
func (b *builder) byRole() (workers, controlPlane []*spec.Host) {
	for _, h := range b.hosts {
		if _, serves := b.record(h).Owns["kube-apiserver.service"]; serves || h.Has(spec.ControlPlane) {
			controlPlane = append(controlPlane, h)
		} else {
			workers = append(workers, h)
		}
	}
	return workers, controlPlane
}

// stopped is the step that ends all that runs on a host.
func (b *builder) stopped(h *spec.Host, after ...address.Step) address.Step {
	return b.add("stop", h, removal.Stop{Record: b.record(h), Footprints: Footprints()}, after...).Addr
}

// cleaned are the steps that take what pmkctl installed off a host that was
// stopped, and at last the record of it.
func (b *builder) cleaned(h *spec.Host, before ...address.Step) address.Step {
	b.add("clean", h, removal.Clean{Record: b.record(h), Footprints: Footprints()}, address.Of("stop", h.Name))
	return b.add("leave", h, membership.Purge{}, append(before, address.Of("clean", h.Name))...).Addr
}

// record is a host's; an empty one where it has none.
func (b *builder) record(h *spec.Host) *state.Record {
	if r := b.world.Records[h.Name]; r != nil {
		return r
	}
	return &state.Record{}
}

// EtcdLeave is the module that takes a member out of etcd.
const EtcdLeave = "etcd-leave"

// leaving takes the hosts out of the cluster that left the spec. What stays
// comes first: new Nodes are Ready before pods are sent away, and API servers
// do not ask an etcd that is about to go.
func (b *builder) leaving() {
	var before []string // members of etcd that leave
	for _, l := range b.Departing {
		_, reached := b.world.Hosts[l.Host.Name]
		if !reached && !l.Unreachable {
			continue // left out of this run
		}
		before = append(before, b.leave(l, before)...)
	}
}

// leave takes one host out, and returns its name if it is a member of etcd. A
// Node is deleted once its kubelet, which would make it again, is stopped; on
// a dead host nothing is stopped, and nothing cleaned.
func (b *builder) leave(l spec.Departing, before []string) (member []string) {
	var after []address.Step
	if !l.Unreachable {
		after = append(after, b.drain(l))
	}
	// Whether a dead host was a member, only etcd knows.
	if _, ok := b.record(l.Host).Owns["etcd.service"]; ok || l.Unreachable {
		after = append(after, b.etcdLeave(l, before, after...))
		member = []string{l.Host.Name}
	}
	if l.Unreachable {
		b.forget(l, b.deleteNode(l, after...))
		return member
	}
	stop := b.stopped(l.Host, after...)
	b.forget(l, b.cleaned(l.Host, b.deleteNode(l, stop)))
	return member
}

// onAPIHost adds a step about a host that runs on the API host.
func (b *builder) onAPIHost(module string, l spec.Departing, work modules.Checker, after ...address.Step) address.Step {
	s := b.add(module, l.Host, work, append([]address.Step{Gate, b.server()}, after...)...)
	s.On = b.apiHost().Name
	return s.Addr
}

// drain empties a Node, once those that stay are Ready for its pods.
func (b *builder) drain(l spec.Departing) address.Step {
	var after []address.Step
	for _, h := range b.hosts {
		after = append(after, address.Of("node", h.Name))
	}
	return b.onAPIHost("drain", l, drain.Module{Node: l.Host.Name, Limit: b.DrainTimeout, APIServer: b.server()}, after...)
}

// etcdLeave takes a member out, one after the other.
func (b *builder) etcdLeave(l spec.Departing, before []string, after ...address.Step) address.Step {
	for _, h := range b.with(spec.ControlPlane) {
		after = append(after, address.Of("kube-apiserver", h.Name))
	}
	for _, name := range before {
		after = append(after, address.Of(EtcdLeave, name))
	}
	m := etcd.RemoveMember{Name: l.Host.Name, Before: before}
	for _, h := range b.with(spec.Etcd) {
		m.Endpoints = append(m.Endpoints, memberOf(h).ClientURL())
		m.Server = address.Of("etcd", h.Name)
		after = append(after, address.Of("etcd", h.Name))
	}
	return b.onAPIHost(EtcdLeave, l, m, after...)
}

func (b *builder) deleteNode(l spec.Departing, after ...address.Step) address.Step {
	return b.onAPIHost("delete-node", l, node.Delete{Name: l.Host.Name, Dead: l.Unreachable, APIServer: b.server()}, after...)
}

// forget takes a host out of the inventory at last: until then a run that was
// cut off finds it there again.
func (b *builder) forget(l spec.Departing, after address.Step) {
	for _, h := range b.with(spec.ControlPlane) {
		s := b.add("forget", l.Host, membership.Forget{Name: l.Host.Name}, after, address.Of("member", h.Name))
		s.On = h.Name
	}
}

// controlPlaneMoved is a diagnostic if a live cluster would lose the host that
// keeps its control plane, and with it the CA's key and what etcd holds. No
// kubelet of ours starts before there is an API server.
func controlPlaneMoved(c *spec.Cluster, records map[string]*state.Record) *hcl.Diagnostic {
	owner := func(unit string) *spec.Host {
		for _, h := range c.Hosts {
			r := records[h.Name]
			if r == nil || r.Cluster.Name != c.Name || h.Has(spec.ControlPlane) {
				continue
			}
			if _, ok := r.Owns[unit]; ok {
				return h
			}
		}
		return nil
	}
	for _, h := range c.Hosts {
		r := records[h.Name]
		if r == nil || !h.Has(spec.ControlPlane) {
			continue
		}
		if _, keeps := r.Owns["kube-apiserver.service"]; keeps {
			continue
		}
		live := owner("kube-apiserver.service")
		if live == nil {
			live = owner("kubelet.service")
		}
		if live != nil {
			return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Control plane cannot move", Subject: h.Range.Ptr(),
				Detail: fmt.Sprintf("Host %q is to be the control plane and has no API server of the cluster %q, of which %q is a live member. "+
					"The host that keeps the CA's key and etcd's data cannot leave: give the role to it again. To begin anew, end the cluster by pmkctl destroy first.", h.Name, c.Name, live.Name)}
		}
	}
	return nil
}
