package executor

import (
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
)

// Impact is what a plan means to the people who run the cluster: what they
// would ask about before they approve it. Lists are in plan order, hosts in
// the order of the spec; none is nil.
type Impact struct {
	Counts       Summary
	Hosts        []string // that change
	ControlPlane []string // those of them that are control-plane hosts
	Etcd         []string // those of them that are members of etcd
	Restarts     []Effect // running services that are interrupted
	Removals     []Effect
	Replaced     []Effect       // what pmkctl did not make and overwrites; or what cannot change without a gap, which Why tells
	Unknown      []address.Step // steps of which a part is known only after others: it may restart something too
	Files        int            // that are sent to hosts
	Bytes        int64          // of these files
}

// An Effect is one change that people ask about.
type Effect struct {
	Step address.Step
	Host string
	Item string // path, unit, setting, object
	Why  string // of a restart always; else often ""
	Gap  bool   // of what is replaced: it is pmkctl's own, and service is interrupted meanwhile
}

// Impact tells what the pending steps mean. hosts are those of the spec; a
// host that left it comes behind them; of its roles the plan knows whether it
// is a member of etcd.
func (c *Checked) Impact(hosts []*spec.Host) Impact {
	i := Impact{Counts: c.Summary(), Hosts: []string{}, ControlPlane: []string{}, Etcd: []string{},
		Restarts: []Effect{}, Removals: []Effect{}, Replaced: []Effect{}, Unknown: []address.Step{}}
	var removedMembers []string
	for _, s := range c.Pending() {
		i.step(s, c.Diffs[s.Addr])
		if s.Addr.Module == plan.EtcdLeave {
			removedMembers = append(removedMembers, s.Addr.Host)
		}
	}
	i.sortHosts(hosts, removedMembers)
	return i
}

func (i *Impact) step(s *plan.Step, d change.Diff) {
	if h := s.Addr.Host; h != "" && !slices.Contains(i.Hosts, h) {
		i.Hosts = append(i.Hosts, h)
	}
	if len(d.Until()) > 0 {
		i.Unknown = append(i.Unknown, s.Addr)
	}
	for _, c := range d {
		e := Effect{Step: s.Addr, Host: s.Addr.Host, Item: c.Item, Why: c.Why, Gap: c.Gap}
		switch {
		case c.Interrupts():
			if e.Why == "" {
				e.Why = "it is " + c.Have + ", and is to be " + c.Want
			}
			i.Restarts = append(i.Restarts, e)
		case c.Action == change.Remove:
			i.Removals = append(i.Removals, e)
		case c.Action == change.Replace:
			i.Replaced = append(i.Replaced, e)
		}
		if c.Bytes > 0 {
			i.Files++
			i.Bytes += c.Bytes
		}
	}
}

// sortHosts puts hosts into the order of the spec, and finds their roles. Of
// removedMembers a member goes.
func (i *Impact) sortHosts(hosts []*spec.Host, removedMembers []string) {
	changed := i.Hosts
	i.Hosts = []string{}
	for _, h := range hosts {
		if !slices.Contains(changed, h.Name) {
			continue
		}
		i.Hosts = append(i.Hosts, h.Name)
		if h.Has(spec.ControlPlane) {
			i.ControlPlane = append(i.ControlPlane, h.Name)
		}
		if h.Has(spec.Etcd) || slices.Contains(removedMembers, h.Name) {
			i.Etcd = append(i.Etcd, h.Name)
		}
	}
	for _, h := range changed {
		if !slices.Contains(i.Hosts, h) {
			i.Hosts = append(i.Hosts, h)
		}
	}
}
