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

// destroy adds the steps that remove everything from all hosts. Workers stop
// before the control plane. The records of control-plane hosts are removed last,
// because their inventory names the other hosts. No node is drained, because no
// other node would take the pods.
func (b *builder) destroy() {
	b.add(Gate.Module, nil, nil)
	workers, controlPlane := b.byRole()
	after := []address.Addr{Gate}
	for _, hosts := range [][]*spec.Host{workers, controlPlane} {
		var stopped []address.Addr
		for _, h := range hosts {
			stopped = append(stopped, b.stopped(h, after...))
		}
		after = append([]address.Addr{Gate}, stopped...)
	}
	var purged []address.Addr
	for _, h := range workers {
		purged = append(purged, b.cleaned(h))
	}
	for _, h := range controlPlane {
		b.cleaned(h, purged...)
	}
}

// byRole separates the hosts of the control plane from the others, by their roles
// and by what their records own.
func (b *builder) byRole() (workers, controlPlane []*spec.Host) {
	for _, h := range b.hosts {
		if _, serves := b.record(h).Owns[apiUnit]; serves || h.Has(spec.ControlPlane) {
			controlPlane = append(controlPlane, h)
		} else {
			workers = append(workers, h)
		}
	}
	return workers, controlPlane
}

// stopped adds the step that stops all services of a host.
func (b *builder) stopped(h *spec.Host, after ...address.Addr) address.Addr {
	return b.add("stop", h, removal.Stop{Record: b.record(h), Footprints: Footprints()}, after...).Addr
}

// cleaned adds the steps that remove what pmkctl installed on a stopped host, and
// then its record. It returns the last one.
func (b *builder) cleaned(h *spec.Host, before ...address.Addr) address.Addr {
	b.add("clean", h, removal.Clean{Record: b.record(h), Footprints: Footprints()}, address.Of("stop", h.Name))
	return b.add("leave", h, membership.Purge{}, append(before, address.Of("clean", h.Name))...).Addr
}

// record returns the record of a host; an empty one if it has none.
func (b *builder) record(h *spec.Host) *state.Record {
	if r := b.world.Records[h.Name]; r != nil {
		return r
	}
	return &state.Record{}
}

// EtcdLeave is the name of the module that removes a member of etcd.
const EtcdLeave = "etcd-leave"

// departing adds the steps for hosts that are in the cluster and not in the spec.
// They come after the steps of the hosts that stay: new Nodes are Ready before
// pods are evicted, and no API server asks an etcd member that is removed.
func (b *builder) departing() {
	var before []string // members of etcd that are removed before
	for _, l := range b.Departing {
		_, reached := b.world.Hosts[l.Host.Name]
		if !reached && !l.Unreachable {
			continue // absent from this run
		}
		before = append(before, b.depart(l, before)...)
	}
}

// depart adds the steps for one departing host, and returns its name if it is a
// member of etcd. The Node is deleted after its kubelet was stopped, because a
// kubelet would make it again. A dead host is neither stopped nor cleaned.
func (b *builder) depart(l spec.Departing, before []string) (member []string) {
	var after []address.Addr
	if !l.Unreachable {
		after = append(after, b.drain(l))
	}
	// Only etcd knows whether a dead host was a member.
	if _, ok := b.record(l.Host).Owns[etcdUnit]; ok || l.Unreachable {
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

// onAPIHost adds a step for a departing host that runs on the API host.
func (b *builder) onAPIHost(module string, l spec.Departing, work modules.Module, after ...address.Addr) address.Addr {
	s := b.add(module, l.Host, work, append([]address.Addr{Gate, b.server()}, after...)...)
	s.On = b.apiHost().Name
	return s.Addr
}

// drain adds the step that empties a Node, after the Nodes that stay are Ready for
// its pods.
func (b *builder) drain(l spec.Departing) address.Addr {
	var after []address.Addr
	for _, h := range b.hosts {
		after = append(after, address.Of("node", h.Name))
	}
	return b.onAPIHost("drain", l, drain.Module{Node: l.Host.Name, Limit: b.DrainTimeout, APIServer: b.server()}, after...)
}

// etcdLeave adds the step that removes an etcd member. Members are removed one
// after the other.
func (b *builder) etcdLeave(l spec.Departing, before []string, after ...address.Addr) address.Addr {
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

func (b *builder) deleteNode(l spec.Departing, after ...address.Addr) address.Addr {
	return b.onAPIHost("delete-node", l, node.Delete{Name: l.Host.Name, Dead: l.Unreachable, APIServer: b.server()}, after...)
}

// forget adds the last steps of a departing host, which remove it from the
// inventory. Until then the next run finds it there, if this one is interrupted.
func (b *builder) forget(l spec.Departing, after address.Addr) {
	for _, h := range b.with(spec.ControlPlane) {
		s := b.add("forget", l.Host, membership.Forget{Name: l.Host.Name}, after, address.Of("member", h.Name))
		s.On = h.Name
	}
}

// controlPlaneMoved returns a diagnostic if a live cluster would lose the host of
// its control plane, and with it the CA's key and the data of etcd. A host with
// a kubelet shows a live cluster too, because pmkctl starts kubelets after the
// API server.
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
		if _, keeps := r.Owns[apiUnit]; keeps {
			continue
		}
		live := owner(apiUnit)
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
