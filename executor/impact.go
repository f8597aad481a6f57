package executor

import (
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
)

// Impact is what people ask about before they approve a plan. Lists are in plan
// order, hosts in the order of the spec. No list is nil.
type Impact struct {
	Counts       Summary
	Hosts        []string // with changes
	ControlPlane []string // those of them that are control-plane hosts
	Etcd         []string // those of them that are members of etcd
	Restarts     []Effect // running services that are interrupted
	Removals     []Effect
	Replaced     []Effect       // overwritten things that pmkctl did not make, and changes with a gap in service (Gap, Why)
	Unknown      []address.Addr // steps with changes that are known only after other steps, restarts among them
	Files        int            // sent to hosts
	Bytes        int64          // of these files
}

// An Effect is one change that people ask about.
type Effect struct {
	Step address.Addr
	Host string
	Item string // path, unit, setting, object
	Why  string // always set for a restart; otherwise often ""
	Gap  bool   // pmkctl made what is replaced, and service is interrupted meanwhile
}

// Impact returns the impact of the pending steps. hosts are those of the spec.
// Departing hosts follow them in the result; the only role that the plan knows
// of these is whether they are members of etcd.
func (c *Checked) Impact(hosts []*spec.Host) Impact {
	i := Impact{Counts: c.Summary(), Hosts: []string{}, ControlPlane: []string{}, Etcd: []string{},
		Restarts: []Effect{}, Removals: []Effect{}, Replaced: []Effect{}, Unknown: []address.Addr{}}
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

// sortHosts puts the hosts into the order of the spec, and fills in those with
// roles. removedMembers are hosts that etcd loses.
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
