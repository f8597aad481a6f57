package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/modules/etcd"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/wording"
)

// markSteps gives the steps their marks, and lists the restarts.
func (r *review) markSteps() {
	mark := func(a address.Addr, k markKey) {
		if !slices.Contains(r.marked[a], k) {
			r.marked[a] = append(r.marked[a], k)
		}
	}
	for _, e := range r.Impact.Removals {
		mark(e.Step, markRemoval)
	}
	for _, e := range r.Impact.Replaced {
		mark(e.Step, replaceMark(e))
	}
	for _, e := range r.drifted() {
		mark(e.Step, markDrift)
	}
	for _, s := range r.checked.Pending() {
		if r.departs(s.Addr.Host) {
			mark(s.Addr, markDeparts)
		}
		if slices.Contains(r.Impact.ControlPlane, s.Addr.Host) {
			mark(s.Addr, markControl)
		}
		if touchesEtcd(s.Addr, r.checked.Diffs[s.Addr]) {
			mark(s.Addr, markEtcd)
		}
	}
	at := map[restartKey]int{}
	for _, e := range r.Impact.Restarts {
		mark(e.Step, restartMark(e))
		k := restartKey{e.Item, e.Why}
		i, ok := at[k]
		if !ok {
			i, at[k] = len(r.Restarts), len(r.Restarts)
			r.Restarts = append(r.Restarts, restarting{Unit: e.Item, Why: e.Why})
		}
		r.Restarts[i].Hosts = append(r.Restarts[i].Hosts, e.Host)
	}
	for _, a := range r.Impact.Unknown {
		mark(a, markUnknown)
	}
}

// touchesEtcd reports whether a step is about etcd itself, and not only about a
// host that has a member of it.
func touchesEtcd(a address.Addr, d change.Diff) bool {
	return strings.HasPrefix(a.Module, "etcd") || slices.ContainsFunc(d, func(c change.Change) bool { return etcd.Owns(c.Item) })
}

// etcdHosts returns the hosts on which a step is about etcd.
func (r *review) etcdHosts() (hosts []string) {
	for _, s := range r.checked.Pending() {
		if h := s.Addr.Host; slices.Contains(r.marked[s.Addr], markEtcd) && !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

type restartKey struct{ unit, why string }

// replaceMark returns markGap for what pmkctl made itself and cannot change
// without a gap, such as the network of the pods, and markForeign otherwise.
func replaceMark(e executor.Effect) markKey {
	if e.Gap {
		return markGap
	}
	return markForeign
}

// drifted returns what was changed on a host and this plan puts right.
func (r *review) drifted() (list []executor.Effect) {
	for _, s := range r.checked.Pending() {
		for _, c := range r.checked.Diffs[s.Addr] {
			if c.Drift && c.Action != change.Remove {
				list = append(list, executor.Effect{Step: s.Addr, Host: s.Addr.Host, Item: c.Item})
			}
		}
	}
	return list
}

func restartMark(e executor.Effect) markKey {
	if e.Item == "kubelet.service" {
		return markKubelet
	}
	return markRestart
}

func (r *review) marksOf(steps []address.Addr) []markKey {
	var keys []markKey
	for _, m := range marks {
		if slices.ContainsFunc(steps, func(a address.Addr) bool { return slices.Contains(r.marked[a], m.key) }) {
			keys = append(keys, m.key)
		}
	}
	return keys
}

// itemsNamed is how many items a mark names.
const itemsNamed = 6

// sumMarks sets the marks that occur, and what each is about.
func (r *review) sumMarks() {
	i := r.Impact
	r.sumDeparting()
	r.markEffects(markRemoval, "%s removed", i.Removals)
	foreign, gaps := parted(i.Replaced, func(e executor.Effect) bool { return replaceMark(e) == markForeign })
	r.markEffects(markForeign, "%s replaced; what stood there is kept on the host", foreign)
	r.markEffects(markGap, "%s changed, which cannot be done without a gap", gaps)
	verb := "changes"
	switch {
	case r.Destroy:
		verb = "goes"
	case r.Fresh:
		verb = "is made anew, where no cluster is yet"
	}
	members := func(k markKey, role spec.Role, what string, changed []string) {
		if len(changed) > 0 {
			r.Marks = append(r.Marks, riskMark{Key: k, Text: fmt.Sprintf("%d of %s %s", len(changed), wording.Count(r.having(role), what), verb), Hosts: wording.Hosts(changed)})
		}
	}
	members(markControl, spec.ControlPlane, "control-plane host", i.ControlPlane)
	members(markEtcd, spec.Etcd, "etcd member", r.etcdHosts())
	r.sumRestarts()
	r.markEffects(markDrift, "%s put right", r.drifted())
	if n := len(i.Unknown); n > 0 {
		r.Marks = append(r.Marks, riskMark{Key: markUnknown, Text: wording.Count(n, "step") + " of which a part is known only once others are done; a restart may be in it"})
	}
}

func (r *review) departs(host string) bool {
	return slices.ContainsFunc(r.Cluster.Departing, func(l spec.Departing) bool { return l.Host.Name == host })
}

func (r *review) sumDeparting() {
	var departing, dead []string
	for _, l := range r.Cluster.Departing {
		departing = append(departing, l.Host.Name)
		if l.Unreachable {
			dead = append(dead, l.Host.Name)
		}
	}
	if len(departing) == 0 {
		return
	}
	m := riskMark{Key: markDeparts, Text: wording.Count(len(departing), "host") + " to leave", Hosts: wording.Hosts(departing)}
	for _, h := range dead {
		m.Items = append(m.Items, h+" does not answer: its disk stays as it is")
	}
	r.Marks = append(r.Marks, m)
}

func (r *review) sumRestarts() {
	kubelets, others := parted(r.Impact.Restarts, func(e executor.Effect) bool { return restartMark(e) == markKubelet })
	r.markEffects(markKubelet, fmt.Sprintf("%%s restarted, at most %d at a time; pods go on running", max(1, r.Cluster.MaxUnavailable)), kubelets)
	r.markEffects(markRestart, "%s restarted", others)
}

func parted(list []executor.Effect, first func(executor.Effect) bool) (a, b []executor.Effect) {
	for _, e := range list {
		if first(e) {
			a = append(a, e)
		} else {
			b = append(b, e)
		}
	}
	return a, b
}

// markEffects adds a mark for single changes. For kubelets it names the hosts
// only.
func (r *review) markEffects(k markKey, text string, list []executor.Effect) {
	if len(list) == 0 {
		return
	}
	noun := map[markKey]string{markKubelet: "kubelet", markRestart: "other service"}[k]
	if noun == "" {
		noun = "item"
	}
	m := riskMark{Key: k, Text: fmt.Sprintf(text, wording.Count(len(list), noun)), Hosts: wording.Hosts(hostsOf(list))}
	if k != markKubelet {
		m.Items, m.More = nameItems(list)
	}
	r.Marks = append(r.Marks, m)
}

func (r *review) having(role spec.Role) int {
	n := 0
	for _, h := range r.Cluster.AllHosts() {
		if h.Has(role) {
			n++
		}
	}
	return n
}

func hostsOf(list []executor.Effect) []string {
	var hosts []string
	for _, e := range list {
		if e.Host != "" && !slices.Contains(hosts, e.Host) {
			hosts = append(hosts, e.Host)
		}
	}
	return hosts
}

// nameItems names the first items, each once, with the reason if that is what
// matters.
func nameItems(list []executor.Effect) (items []string, more int) {
	var all []string
	for _, e := range list {
		text := e.Item
		if replaceMark(e) == markGap {
			text += ": " + e.Why
		}
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	if len(all) <= itemsNamed+1 {
		return all, 0
	}
	return all[:itemsNamed], len(all) - itemsNamed
}
