package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/plan"
)

// Names tells the values of a host that differ between hosts which are
// otherwise alike: its name and addresses.
type Names map[string][]string

// Plan shows what would change on which host, removals first, and the
// summary.
func Plan(w io.Writer, c *executor.Checked, names Names, st Style) error {
	p := &printer{w: w}
	groups := group(c, names)
	for _, removals := range []bool{true, false} {
		for _, g := range groups {
			if (c.Action(g.steps[0]) == modules.Remove) == removals {
				showGroup(p, c, g, st)
			}
		}
	}
	p.line(st.bold(SummaryLine(c.Summary())))
	return p.err
}

// SummaryLine counts steps: "Plan: 31 to add, 2 to change, 0 to remove on 3
// hosts", or "No changes".
func SummaryLine(s executor.Summary) string {
	if s.Empty() {
		return "No changes"
	}
	return fmt.Sprintf("Plan: %d to add, %d to change, %d to remove on %s", s.Add, s.Change, s.Remove, count(s.Hosts, "host"))
}

func count(n int, what string) string {
	if n == 1 {
		return fmt.Sprintf("1 %s", what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// stepGroup is steps of one module whose diffs are alike.
type stepGroup struct {
	module string
	steps  []plan.Addr
}

// group puts alike steps together, in plan order of the first of each.
func group(c *executor.Checked, names Names) []*stepGroup {
	var groups []*stepGroup
	byKey := map[string]*stepGroup{}
	for _, s := range c.Pending() {
		key := s.Addr.Module() + "\n" + likeness(c.Diffs[s.Addr], names[s.Addr.Host()])
		g := byKey[key]
		if g == nil {
			g = &stepGroup{module: s.Addr.Module()}
			byKey[key] = g
			groups = append(groups, g)
		}
		g.steps = append(g.steps, s.Addr)
	}
	return groups
}

// likeness is a diff with the host's own names replaced; two hosts are alike
// if it is the same for both.
func likeness(d modules.Diff, names []string) string {
	text := fmt.Sprintf("%+v", d)
	for _, n := range names {
		text = strings.ReplaceAll(text, n, "\x00")
	}
	return inputsHash.ReplaceAllString(text, "X-Pmkctl-Inputs=\x00")
}

func showGroup(p *printer, c *executor.Checked, g *stepGroup, st Style) {
	first := g.steps[0]
	p.line(sign(c.Action(first), st), " ", st.bold(g.title()))
	if len(g.steps) > 1 {
		p.line(st.faint("    alike but for the host's own name and addresses; shown for " + first.Host()))
	}
	for _, ch := range sorted(c.Diffs[first]) {
		showChange(p, ch, st)
	}
	p.line()
}

// sorted puts removals first and keeps the order otherwise.
func sorted(d modules.Diff) modules.Diff {
	d = slices.Clone(d)
	slices.SortStableFunc(d, func(a, b modules.Change) int {
		return boolInt(b.Action == modules.Remove) - boolInt(a.Action == modules.Remove)
	})
	return d
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// title is the address of one step, or the module with its hosts:
// "kubelet on cp-1, worker-[1-40]".
func (g *stepGroup) title() string {
	if len(g.steps) == 1 {
		return string(g.steps[0])
	}
	var hosts []string
	for _, s := range g.steps {
		hosts = append(hosts, s.Host())
	}
	return g.module + " on " + strings.Join(HostRanges(hosts), ", ")
}

// sign is how an action begins a line. Replace and restart have words of
// their own behind the item.
func sign(a modules.Action, st Style) string {
	switch a {
	case modules.Add:
		return st.green("+")
	case modules.Remove:
		return st.red("-")
	default:
		return st.yellow("~")
	}
}
