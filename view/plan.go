package view

import (
	"fmt"
	"io"
	"slices"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/spec"
)

// Names tells the values of a host that differ between hosts which are
// otherwise alike: its name and addresses, in an order that is the same for
// all.
type Names map[string][]string

// NamesOf are the names and addresses of a cluster's hosts.
func NamesOf(c *spec.Cluster) Names {
	names := Names{}
	for _, h := range c.Everyone() {
		names[h.Name] = []string{h.Name, h.Address.String(), h.SSH.Address}
	}
	return names
}

// Plan shows what would change on which host, removals first, and the
// summary. A long plan is folded, unless the style says otherwise.
func Plan(w io.Writer, c *executor.Checked, names Names, st Style) error {
	p := &printer{w: w}
	shown := shownGroups(c, names)
	f := foldingOf(shown, st)
	for _, line := range planLines(shown, f, st) {
		p.line(line)
	}
	if note := folded(shown, f); note != "" {
		p.line(st.faint(note))
	}
	leftOutSteps(p, c, st)
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

// moves is how much is sent, where that are several files.
func moves(d change.Diff, hosts int) string {
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
func together(d change.Diff) (out change.Diff, after string) {
	out = slices.Clone(d)
	waiting, hashed := 0, map[string]bool{}
	for _, c := range out {
		if !c.Until.IsZero() {
			waiting++
		}
		if hashOnly(c) {
			hashed[c.Item] = true
		}
	}
	for i, c := range out {
		if waiting > 1 {
			out[i].Until = address.Step{}
		}
		if c.Action == change.Restart && hashed[c.Cause] {
			out[i].Cause, out[i].Why = "", "what it depends on changes"
		}
	}
	if waiting > 1 {
		after = known(d)
	}
	return out, after
}

// known says after which steps all of a diff is known.
func known(d change.Diff) string {
	after := "known after " + address.Join(d.Until(), ", ")
	for _, c := range d {
		if c.Until.IsZero() {
			return "in part " + after
		}
	}
	return after
}

// sorted puts removals first and keeps the order otherwise.
func sorted(d change.Diff) change.Diff {
	d = slices.Clone(d)
	slices.SortStableFunc(d, func(a, b change.Change) int { return removalFirst(a.Action, b.Action) })
	return d
}

// removalFirst orders removals before all else.
func removalFirst(a, b change.Action) int {
	return boolInt(b == change.Remove) - boolInt(a == change.Remove)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sign is how an action begins a line. Replace and restart have words of
// their own behind the item.
func sign(a change.Action, st Style) string {
	switch a {
	case change.Add:
		return st.green("+")
	case change.Remove:
		return st.red("-")
	default:
		return st.yellow("~")
	}
}
