package wording

import (
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/hostnames"
	"github.com/pmkctl/pmkctl/spec"
)

// A Group is steps of one module that change their hosts alike, and are
// shown as one: as the first of them.
type Group struct {
	Module  string
	Action  change.Action
	Steps   []address.Addr
	Notes   []string    // what is said once, of all changes
	Sent    string      // how much is sent to each host, if that is several files
	Changes change.Diff // removals first, without what Notes say
	Whole   change.Diff // the same changes with it
	Own     []string    // names of the first host, if the others differ in theirs

	names []string // of the first host
}

// Groups returns the pending steps in groups: removals first, and otherwise in
// the order of the first step of each group.
func Groups(pending []address.Addr, diffs map[address.Addr]change.Diff, names Names) []*Group {
	var groups []*Group
	byKey := map[string]*Group{}
	for _, a := range pending {
		key := a.Module + "\n" + likeness(diffs[a], names[a.Host])
		g := byKey[key]
		if g == nil {
			g = &Group{Module: a.Module, Action: diffs[a].Action(), names: names[a.Host]}
			byKey[key] = g
			groups = append(groups, g)
		}
		g.Steps = append(g.Steps, a)
	}
	for _, g := range groups {
		g.fill(diffs)
	}
	slices.SortStableFunc(groups, func(a, b *Group) int { return First(a.Action == change.Remove, b.Action == change.Remove) })
	return groups
}

func (g *Group) fill(diffs map[address.Addr]change.Diff) {
	first := diffs[g.Steps[0]]
	common, after := together(first)
	if !g.same(diffs) {
		g.Own = g.names
		g.Notes = append(g.Notes, "shown for "+g.Steps[0].Host+"; the others differ in their own names and addresses")
	}
	if after != "" {
		g.Notes = append(g.Notes, after)
	}
	g.Sent, g.Changes, g.Whole = sent(first, len(g.Steps)), Sorted(common), Sorted(first)
}

// same reports whether what is shown of the first host is true of all hosts
// to the letter: they change alike, or it does not name the host.
func (g *Group) same(diffs map[address.Addr]change.Diff) bool {
	first := diffs[g.Steps[0]]
	if !slices.ContainsFunc(g.Steps[1:], func(a address.Addr) bool { return !slices.Equal(diffs[a], first) }) {
		return true
	}
	for _, c := range first {
		if g.Named(Headline(c).String()) || slices.ContainsFunc(Lines(c), func(l Line) bool { return g.Named(l.Text) }) {
			return false
		}
	}
	return true
}

// Named reports whether a text has a name or an address of the first host.
func (g *Group) Named(text string) bool {
	return slices.ContainsFunc(g.names, func(n string) bool { return ReplaceWord(text, n, "\x00") != text })
}

// Hosts returns the host of each step.
func (g *Group) Hosts() []string {
	var hosts []string
	for _, s := range g.Steps {
		hosts = append(hosts, s.Host)
	}
	return hosts
}

// Title is the address of one step, or the module with its hosts:
// "kubelet on cp-1, worker-[1-40]".
func (g *Group) Title() string {
	if len(g.Steps) == 1 {
		return g.Steps[0].String()
	}
	return g.Module + " on " + Hosts(g.Hosts())
}

// Hosts names hosts in natural order: "cp-1, worker-[2-10]".
func Hosts(names []string) string {
	names = slices.SortedStableFunc(slices.Values(names), hostnames.Compare)
	return strings.Join(hostnames.Ranges(names), ", ")
}

// Roles returns the roles of a host; never nil.
func Roles(h *spec.Host) []string {
	names := []string{}
	for _, r := range h.Roles {
		names = append(names, string(r))
	}
	return names
}
