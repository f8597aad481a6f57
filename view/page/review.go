package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/wording"
)

// A review is a saved plan as people judge it. The page and the Markdown are
// made from it.
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
	marked  map[address.Addr][]markKey
	steps   map[address.Addr]saved.Step
}

// Title returns the title without the name of the cluster.
func (r *review) Title() string {
	if r.Destroy {
		return "Destroy cluster "
	}
	return "Plan for cluster "
}

// destroyWords say what is lost.
const destroyWords = "Takes everything that pmkctl installed off all hosts: the cluster ends, and what is in it is lost."

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

// Total returns the bytes that are sent to all hosts.
func (m movedFile) Total() int64 { return m.Bytes * int64(len(m.Hosts)) }

// reviewHost is a host and what becomes of it.
type reviewHost struct {
	Name, Address, System string
	Roles                 []string
	Note                  string // why it is absent, or that it departs
	Counts                executor.Summary
	Restarts              []string // units
	Bytes                 int64
}

// reviewStep is a step that changes something, on all hosts where it does so
// alike.
type reviewStep struct {
	Module string
	Title  string
	Action change.Action
	Hosts  []string
	Marks  []markKey
	Notes  []string
	Source string // cluster.hcl:12
	Items  []reviewItem

	names []string // of the first host, if the others differ in theirs
}

// reviewItem is one of its changes.
type reviewItem struct {
	Sign, Item, Rest string // Rest says what becomes of it
	Action           change.Action
	Lines            []wording.Line
}

func newReview(p *saved.Plan, id string, names wording.Names) *review {
	c := executor.Saved(p)
	r := &review{Plan: p, ID: id, Impact: c.Impact(p.Cluster.AllHosts()), checked: c, index: map[string]int{}, marked: map[address.Addr][]markKey{}, steps: map[address.Addr]saved.Step{}}
	for _, s := range p.Steps {
		r.steps[s.Addr] = s
	}
	r.Fresh = !slices.ContainsFunc(p.Hosts, func(h saved.Host) bool { return h.Record.ID != "" })
	r.listHosts()
	r.markSteps()
	r.listMoved()
	r.sumMarks()
	for _, g := range wording.Groups(c.PendingAddrs(), c.Diffs, names) {
		r.Changes = append(r.Changes, r.change(g))
	}
	return r
}

// listMoved sets the files that are sent, the largest first.
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
			r.Moved[i].Hosts = append(r.Moved[i].Hosts, s.Addr.Host)
		}
	}
	slices.SortStableFunc(r.Moved, func(a, b movedFile) int { return int(min(1, max(-1, b.Total()-a.Total()))) })
}

func (r *review) change(g *wording.Group) *reviewStep {
	first := g.Steps[0]
	s := &reviewStep{Module: g.Module, Title: g.Title(), Action: g.Action, Hosts: g.Hosts(), Marks: r.marksOf(g.Steps), names: g.Own}
	s.Notes = append(slices.Clone(g.Notes), nonEmpty(g.Sent)...)
	if on := r.steps[first].On; on != "" && on != first.Host {
		s.Notes = append(s.Notes, "runs on "+on)
	}
	if at := r.steps[first].Source; at.Filename != "" {
		s.Source = fmt.Sprintf("%s:%d", at.Filename, at.Start.Line)
	}
	for _, c := range g.Changes {
		rest, _ := strings.CutPrefix(wording.Headline(c).String(), c.Item)
		s.Items = append(s.Items, reviewItem{Sign: wording.Sign(c.Action), Item: c.Item, Rest: rest, Action: c.Action, Lines: wording.Lines(c)})
	}
	return s
}

// ExcludedLines say which steps are not done, and because of which flag.
func (r *review) ExcludedLines() []string {
	var lines []string
	for _, l := range wording.Excluded(r.checked.ExcludedPending(), r.checked.Excluded) {
		lines = append(lines, l.String())
	}
	return lines
}

// PolicyLine counts the policies: "2 passed, 1 failed, 0 warnings".
func (r *review) PolicyLine() string { return wording.Verdicts(r.Policies) }

// judged returns the result of a policy in a word.
func judged(v spec.PolicyVerdict) string {
	switch {
	case v.Passed:
		return "passed"
	case v.Failed():
		return "failed"
	}
	return "warning"
}

// Tally counts the lines that are added and removed.
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
