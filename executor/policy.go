package executor

import (
	"time"

	"github.com/pmkctl/pmkctl/spec"
)

// Policies evaluates the policies of a spec for the pending steps. live reports
// whether the cluster existed before. A plan without changes is not judged.
func (c *Checked) Policies(cluster *spec.Cluster, live bool, at time.Time) []spec.PolicyVerdict {
	if len(c.Pending()) == 0 {
		return nil
	}
	facts := c.facts(cluster)
	facts.Live = live
	return spec.Judge(cluster.Policies, facts, at)
}

func (c *Checked) facts(cluster *spec.Cluster) spec.PlanFacts {
	i := c.Impact(cluster.AllHosts())
	f := spec.PlanFacts{Hosts: i.Hosts, ControlPlane: i.ControlPlane, Etcd: i.Etcd,
		Add: i.Counts.Add, Change: i.Counts.Change, Remove: i.Counts.Remove,
		Restarts: effects(i.Restarts), Removals: effects(i.Removals), Foreign: effects(i.Replaced), Files: i.Files, Bytes: i.Bytes, Excluded: len(c.ExcludedPending())}
	for _, s := range c.Pending() {
		f.Steps = append(f.Steps, spec.PlanStep{Addr: s.Addr.String(), Module: s.Addr.Module, Host: s.Addr.Host, Action: string(c.Action(s.Addr))})
	}
	return f
}

func effects(list []Effect) []spec.PlanEffect {
	var out []spec.PlanEffect
	for _, e := range list {
		out = append(out, spec.PlanEffect{Host: e.Host, Item: e.Item, Step: e.Step.String(), Why: e.Why})
	}
	return out
}
