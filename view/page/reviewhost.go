package page

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/hostnames"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/wording"
)

// listHosts sets the hosts: those of the spec, control plane first, then those
// that depart.
func (r *review) listHosts() {
	answered := map[string]saved.Host{}
	for _, h := range r.Plan.Hosts {
		answered[h.Name] = h
	}
	notes := map[string]string{}
	maps.Copy(notes, r.Absent)
	for _, l := range r.Cluster.Departing {
		notes[l.Host.Name] = "leaves the cluster"
		if l.Unreachable {
			notes[l.Host.Name] = "is given up: its disk stays as it is"
		}
	}
	list := slices.SortedStableFunc(slices.Values(r.Cluster.AllHosts()), func(a, b *spec.Host) int {
		return cmp.Or(wording.First(a.Has(spec.ControlPlane), b.Has(spec.ControlPlane)), hostnames.Compare(a.Name, b.Name))
	})
	add := func(h reviewHost) {
		if _, known := r.index[h.Name]; !known {
			r.index[h.Name] = len(r.Hosts)
			r.Hosts = append(r.Hosts, h)
		}
	}
	for _, h := range list {
		a := answered[h.Name]
		add(reviewHost{Name: h.Name, Address: addresses(h), Roles: wording.Roles(h), Note: notes[h.Name], System: strings.Join(nonEmpty(a.OS, a.Kernel, a.Arch), " · ")})
	}
	for _, s := range r.checked.Pending() {
		if h := s.Addr.Host; h != "" {
			add(reviewHost{Name: h, Note: "not in the spec"})
			r.Hosts[r.index[h]].count(r.checked.Action(s.Addr), r.checked.Diffs[s.Addr])
		}
	}
	for _, e := range r.Impact.Restarts {
		if i, ok := r.index[e.Host]; ok && !slices.Contains(r.Hosts[i].Restarts, e.Item) {
			r.Hosts[i].Restarts = append(r.Hosts[i].Restarts, e.Item)
		}
	}
}

func addresses(h *spec.Host) string {
	if ssh := h.SSH.Address; ssh != "" && ssh != h.Address.String() {
		return h.Address.String() + " (ssh " + ssh + ")"
	}
	return h.Address.String()
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(t string) bool { return t == "" })
}

func (h *reviewHost) count(a change.Action, d change.Diff) {
	switch a {
	case change.Add:
		h.Counts.Add++
	case change.Remove:
		h.Counts.Remove++
	default:
		h.Counts.Change++
	}
	for _, c := range d {
		h.Bytes += c.Bytes
	}
}

// Steps counts the steps that change the host.
func (h reviewHost) Steps() int { return h.Counts.Add + h.Counts.Change + h.Counts.Remove }
