package view

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
)

// A review is a saved plan as people judge it; the page and the Markdown are
// made of it.
type review struct {
	*saved.Plan
	ID       string // "" if it was not saved
	Impact   executor.Impact
	Fresh    bool // no host was in a cluster
	Marks    []riskMark
	Restarts []restarting
	Moved    []movedFile
	Hosts    []reviewHost
	Changes  []*reviewStep

	checked *executor.Checked
	index   map[string]int // of hosts in Hosts
	marked  map[plan.Addr][]markKey
	sources map[plan.Addr]string
}

// Title is what the plan is for.
func (r *review) Title() string {
	if r.Destroy {
		return "Destroy cluster "
	}
	return "Plan for cluster "
}

// destroyWords say what is at stake.
const destroyWords = "Takes everything that pmkctl installed off all hosts: the cluster ends, and what is in it is lost."

// markKey names a risk.
type markKey string

// The marks, what matters most first.
const (
	markLeave   markKey = "leave"
	markRemoval markKey = "removal"
	markForeign markKey = "foreign"
	markGap     markKey = "gap"
	markControl markKey = "control-plane"
	markEtcd    markKey = "etcd"
	markKubelet markKey = "kubelet"
	markRestart markKey = "restart"
	markDrift   markKey = "drift"
	markUnknown markKey = "unknown"
)

var marksInOrder = []markKey{markLeave, markRemoval, markForeign, markGap, markControl, markEtcd, markKubelet, markRestart, markDrift, markUnknown}

// Words are what stands on a step with this mark.
func (k markKey) Words() string {
	return map[markKey]string{markLeave: "host leaves", markRemoval: "removes", markForeign: "replaces foreign", markGap: "interrupts", markControl: "control plane", markEtcd: "etcd",
		markKubelet: "restarts kubelet", markRestart: "restarts", markDrift: "changed on the host", markUnknown: "known later"}[k]
}

// Title is what the mark is called in a list of all.
func (k markKey) Title() string {
	return map[markKey]string{markLeave: "Hosts leave the cluster", markRemoval: "Removal", markForeign: "Replaces what pmkctl did not make", markGap: "Interrupts",
		markControl: "Control plane", markEtcd: "etcd", markKubelet: "Restart of kubelet", markRestart: "Other restarts",
		markDrift: "Changed on the host since the last apply", markUnknown: "Known only during the apply"}[k]
}

// Grave marks are those that a reader must not miss.
func (k markKey) Grave() bool {
	return k == markLeave || k == markRemoval || k == markForeign || k == markGap
}

// A riskMark is a mark with all that it is about.
type riskMark struct {
	Key   markKey
	Text  string   // in our own words alone
	Hosts []string // in ranges
	Items []string // a few of what it is about
	More  int      // that Items leaves out
}

// restarting is a unit that restarts for the same reason on several hosts.
type restarting struct {
	Unit, Why string
	Hosts     []string
}

// movedFile is a file that is sent, to several hosts.
type movedFile struct {
	Item, SHA256 string
	Bytes        int64
	Hosts        []string
}

// Total is what it costs for all hosts.
func (m movedFile) Total() int64 { return m.Bytes * int64(len(m.Hosts)) }

// reviewHost is a host and what becomes of it.
type reviewHost struct {
	Name, Address, System string
	Roles                 []string
	Note                  string // why it is left out, or that it leaves
	Counts                executor.Summary
	Restarts              []string // units
	Bytes                 int64
}

// reviewStep is a step that changes something, on all hosts where it does so
// alike.
type reviewStep struct {
	Module string
	Title  string
	Action modules.Action
	Hosts  []string
	Marks  []markKey
	Notes  []string
	Source string // cluster.hcl:12
	Items  []reviewItem

	names []string // of the first host, where the others differ from it in theirs
}

// reviewItem is one of its changes.
type reviewItem struct {
	Sign, Item, Rest string // Rest says what becomes of it
	Action           modules.Action
	Lines            []Line
}

func newReview(p *saved.Plan, id string, names Names) *review {
	c := executor.Saved(p)
	r := &review{Plan: p, ID: id, Impact: c.Impact(p.Cluster.Hosts), checked: c, index: map[string]int{}, marked: map[plan.Addr][]markKey{}, sources: map[plan.Addr]string{}}
	for _, s := range p.Steps {
		if s.Source.Filename != "" {
			r.sources[s.Addr] = fmt.Sprintf("%s:%d", s.Source.Filename, s.Source.Start.Line)
		}
	}
	r.Fresh = !slices.ContainsFunc(p.Hosts, func(h saved.Host) bool { return h.Record.ID != "" })
	r.listHosts()
	r.markSteps()
	r.listMoved()
	r.sumMarks()
	groups := group(c, names)
	for _, removals := range []bool{true, false} {
		for _, g := range groups {
			if (c.Action(g.steps[0]) == modules.Remove) == removals {
				r.Changes = append(r.Changes, r.change(g, names))
			}
		}
	}
	return r
}

// listHosts are those of the spec, control plane first, and behind them
// those that leave it.
func (r *review) listHosts() {
	answered := map[string]saved.Host{}
	for _, h := range r.Plan.Hosts {
		answered[h.Name] = h
	}
	notes := map[string]string{}
	maps.Copy(notes, r.Left)
	for _, l := range r.Cluster.Leaving {
		notes[l.Host.Name] = "leaves the cluster"
		if l.Unreachable {
			notes[l.Host.Name] = "is given up: its disk stays as it is"
		}
	}
	list := slices.SortedStableFunc(slices.Values(r.Cluster.Everyone()), func(a, b *spec.Host) int {
		return cmp.Or(boolInt(b.Has(spec.ControlPlane))-boolInt(a.Has(spec.ControlPlane)), preflight.Naturally(a.Name, b.Name))
	})
	add := func(h reviewHost) {
		if _, known := r.index[h.Name]; !known {
			r.index[h.Name] = len(r.Hosts)
			r.Hosts = append(r.Hosts, h)
		}
	}
	for _, h := range list {
		a := answered[h.Name]
		add(reviewHost{Name: h.Name, Address: addresses(h), Roles: roleNames(h), Note: notes[h.Name], System: strings.Join(nonEmpty(a.OS, a.Kernel, a.Arch), " · ")})
	}
	for _, s := range r.checked.Pending() {
		if h := s.Addr.Host(); h != "" {
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

func (h *reviewHost) count(a modules.Action, d modules.Diff) {
	switch a {
	case modules.Add:
		h.Counts.Add++
	case modules.Remove:
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

// markSteps finds which step is to have which mark, and what restarts why.
func (r *review) markSteps() {
	mark := func(a plan.Addr, k markKey) {
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
		if r.leaves(s.Addr.Host()) {
			mark(s.Addr, markLeave)
		}
		if slices.Contains(r.Impact.ControlPlane, s.Addr.Host()) {
			mark(s.Addr, markControl)
		}
		if strings.HasPrefix(s.Addr.Module(), "etcd") {
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

type restartKey struct{ unit, why string }

// replaceMark tells what pmkctl did not make from what is its own and cannot
// change without a gap, such as the network of the pods.
func replaceMark(e executor.Effect) markKey {
	if e.Step.Module() == "flannel" && e.Why != "" {
		return markGap
	}
	return markForeign
}

// drifted is what somebody changed on a host, and this plan puts right.
func (r *review) drifted() (list []executor.Effect) {
	for _, s := range r.checked.Pending() {
		for _, c := range r.checked.Diffs[s.Addr] {
			if c.Drift {
				list = append(list, executor.Effect{Step: s.Addr, Host: s.Addr.Host(), Item: c.Item})
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

// listMoved are the files that are sent, the largest first.
func (r *review) listMoved() {
	at := map[[2]string]int{}
	for _, s := range r.checked.Pending() {
		for _, c := range r.checked.Diffs[s.Addr] {
			if c.Bytes == 0 {
				continue
			}
			k := [2]string{c.Item, c.SHA256}
			i, ok := at[k]
			if !ok {
				i, at[k] = len(r.Moved), len(r.Moved)
				r.Moved = append(r.Moved, movedFile{Item: c.Item, SHA256: c.SHA256, Bytes: c.Bytes})
			}
			r.Moved[i].Hosts = append(r.Moved[i].Hosts, s.Addr.Host())
		}
	}
	slices.SortStableFunc(r.Moved, func(a, b movedFile) int { return int(min(1, max(-1, b.Total()-a.Total()))) })
}

// itemsNamed are as many as a mark names of what it is about.
const itemsNamed = 6

// sumMarks says what each mark that occurs is about.
func (r *review) sumMarks() {
	i := r.Impact
	r.sumLeaving()
	r.markEffects(markRemoval, "%s removed", i.Removals)
	foreign, gaps := parted(i.Replaced, func(e executor.Effect) bool { return replaceMark(e) == markForeign })
	r.markEffects(markForeign, "%s replaced; what stood there is kept on the host", foreign)
	r.markEffects(markGap, "%s changed, which cannot be done without a gap", gaps)
	verb := "changes"
	if r.Fresh {
		verb = "is made anew, where no cluster is yet"
	}
	members := func(k markKey, role spec.Role, what string, changed []string) {
		if len(changed) > 0 {
			r.Marks = append(r.Marks, riskMark{Key: k, Text: fmt.Sprintf("%d of %s %s", len(changed), Count(r.having(role), what), verb), Hosts: ranges(changed)})
		}
	}
	members(markControl, spec.ControlPlane, "control-plane host", i.ControlPlane)
	members(markEtcd, spec.Etcd, "etcd member", i.Etcd)
	r.sumRestarts()
	r.markEffects(markDrift, "%s put right", r.drifted())
	if n := len(i.Unknown); n > 0 {
		r.Marks = append(r.Marks, riskMark{Key: markUnknown, Text: Count(n, "step") + " of which a part is known only once others are done; a restart may be in it"})
	}
}

func (r *review) leaves(host string) bool {
	return slices.ContainsFunc(r.Cluster.Leaving, func(l spec.Leaving) bool { return l.Host.Name == host })
}

func (r *review) sumLeaving() {
	var leave, dead []string
	for _, l := range r.Cluster.Leaving {
		leave = append(leave, l.Host.Name)
		if l.Unreachable {
			dead = append(dead, l.Host.Name)
		}
	}
	if len(leave) == 0 {
		return
	}
	m := riskMark{Key: markLeave, Text: Count(len(leave), "host") + " to leave", Hosts: ranges(leave)}
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

// markEffects is a mark for single changes. Of kubelets there is nothing to
// name but the hosts.
func (r *review) markEffects(k markKey, text string, list []executor.Effect) {
	if len(list) == 0 {
		return
	}
	noun := map[markKey]string{markKubelet: "kubelet", markRestart: "other service"}[k]
	if noun == "" {
		noun = "item"
	}
	m := riskMark{Key: k, Text: fmt.Sprintf(text, Count(len(list), noun)), Hosts: ranges(hostsOf(list))}
	if k != markKubelet {
		m.Items, m.More = nameItems(list)
	}
	r.Marks = append(r.Marks, m)
}

func (r *review) having(role spec.Role) int {
	n := 0
	for _, h := range r.Cluster.Hosts {
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

// ranges and inRanges name hosts, such that worker-2 comes before worker-10.
func ranges(hosts []string) []string {
	return HostRanges(slices.SortedStableFunc(slices.Values(hosts), preflight.Naturally))
}

func inRanges(hosts []string) string { return strings.Join(ranges(hosts), ", ") }

// nameItems names the first of them, each once, and why if that is what
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

func (r *review) change(g *stepGroup, names Names) *reviewStep {
	first := g.steps[0]
	d, after := together(r.checked.Diffs[first])
	s := &reviewStep{Module: g.module, Action: r.checked.Action(first), Marks: r.marksOf(g.steps)}
	for _, a := range g.steps {
		s.Hosts = append(s.Hosts, a.Host())
	}
	if s.Title = string(first); len(g.steps) > 1 {
		s.Title = g.module + " on " + inRanges(s.Hosts)
	}
	if !g.same(r.checked) {
		s.names = names[first.Host()]
		s.Notes = append(s.Notes, "shown for "+first.Host()+"; the others differ in their own names and addresses")
	}
	s.Notes = append(s.Notes, nonEmpty(after, strings.Trim(moves(d, len(g.steps)), " ()"))...)
	s.Source = r.sources[first]
	for _, c := range sorted(d) {
		head := headline(c, Style{})
		rest, _ := strings.CutPrefix(head, c.Item)
		s.Items = append(s.Items, reviewItem{Sign: sign(c.Action, Style{}), Item: c.Item, Rest: rest, Action: c.Action, Lines: Lines(c)})
	}
	return s
}

func (r *review) marksOf(steps []plan.Addr) []markKey {
	var keys []markKey
	for _, k := range marksInOrder {
		if slices.ContainsFunc(steps, func(a plan.Addr) bool { return slices.Contains(r.marked[a], k) }) {
			keys = append(keys, k)
		}
	}
	return keys
}

// PolicyLine counts the policies: "2 passed, 1 failed, 0 warnings".
func (r *review) PolicyLine() string {
	passed, failed, warned := 0, 0, 0
	for _, v := range r.Policies {
		switch {
		case v.Passed:
			passed++
		case v.Failed():
			failed++
		default:
			warned++
		}
	}
	return fmt.Sprintf("%d passed, %d failed, %s", passed, failed, Count(warned, "warning"))
}

// judged is what came of a policy, in a word.
func judged(v spec.Verdict) string {
	switch {
	case v.Passed:
		return "passed"
	case v.Failed():
		return "failed"
	}
	return "warning"
}

// Tally counts lines that come and go.
func (i reviewItem) Tally() string {
	added, removed := 0, 0
	for _, l := range i.Lines {
		switch l.Sign {
		case "+":
			added++
		case "-":
			removed++
		case "~":
			added, removed = added+1, removed+1
		}
	}
	return strings.Join(nonEmpty(signed("+", added), signed("−", removed)), " ")
}

func signed(sign string, n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s%d", sign, n)
}
