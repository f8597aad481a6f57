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
	return fmt.Sprintf("Plan: %d to add, %d to change, %d to remove on %s", s.Add, s.Change, s.Remove, Count(s.Hosts, "host"))
}

func Count(n int, what string) string {
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
		text = replaceWord(text, n, "\x00")
	}
	return inputsHash.ReplaceAllString(text, "X-Pmkctl-Inputs=\x00")
}

// replaceWord replaces a name or address where it stands by itself: worker-1
// is no part of worker-10.
func replaceWord(text, word, by string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, word)
		if i < 0 || word == "" {
			return b.String() + text
		}
		end := i + len(word)
		b.WriteString(text[:i])
		if i > 0 && isWord(text[i-1]) || end < len(text) && isWord(text[end]) {
			b.WriteString(word)
		} else {
			b.WriteString(by)
		}
		text = text[end:]
	}
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func showGroup(p *printer, c *executor.Checked, g *stepGroup, st Style) {
	first := g.steps[0]
	d, after := together(c.Diffs[first])
	p.line(sign(c.Action(first), st), " ", st.bold(g.title()), st.faint(moves(d, len(g.steps))))
	if !g.same(c) {
		p.line(st.faint("    shown for " + first.Host() + "; the others differ in their own names and addresses"))
	}
	if after != "" {
		p.line(st.faint("    " + after))
	}
	for _, ch := range sorted(d) {
		showChange(p, ch, st)
	}
	p.line()
}

// same tells if all hosts of the group change to the letter alike.
func (g *stepGroup) same(c *executor.Checked) bool {
	first := fmt.Sprintf("%+v", c.Diffs[g.steps[0]])
	for _, s := range g.steps[1:] {
		if fmt.Sprintf("%+v", c.Diffs[s]) != first {
			return false
		}
	}
	return true
}

// moves is how much is sent, where that are several files.
func moves(d modules.Diff, hosts int) string {
	var sum int64
	files := 0
	for _, c := range d {
		if c.Bytes > 0 {
			sum += c.Bytes
			files++
		}
	}
	switch {
	case files < 2:
		return ""
	case hosts > 1:
		return fmt.Sprintf(" (%d files, %s to each)", files, Bytes(sum))
	}
	return fmt.Sprintf(" (%d files, %s)", files, Bytes(sum))
}

// together takes from several changes what they have in common, to be said
// once: after which steps they are known, and the reason of a restart
// that only a hash gives.
func together(d modules.Diff) (out modules.Diff, after string) {
	out = slices.Clone(d)
	waiting, hashed := 0, map[string]bool{}
	for _, c := range out {
		if c.Until != "" {
			waiting++
		}
		if hashOnly(c) {
			hashed[c.Item+" changes"] = true
		}
	}
	for i, c := range out {
		if waiting > 1 {
			out[i].Until = ""
		}
		if c.Action == modules.Restart && hashed[c.Why] {
			out[i].Why = "what it depends on changes"
		}
	}
	if waiting > 1 {
		after = "known after " + strings.Join(d.Until(), ", ")
	}
	if waiting > 1 && waiting < len(d) {
		after = "in part " + after
	}
	return out, after
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
