package terminal

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/hostnames"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/view/wording"
)

// Saved shows a saved plan: its author, and what the terminal showed when it
// was made.
func Saved(w io.Writer, p *saved.Plan, id string, names wording.Names, st Style) error {
	pr := &printer{w: w}
	pr.line(st.bold("Saved plan of cluster "+p.Cluster.Name), fmt.Sprintf(", made %s by %s with pmkctl %s", wording.When(p.Made), p.Who, p.Pmkctl.Version))
	pr.line("sha256 ", id)
	var hosts []string
	for _, h := range p.Hosts {
		hosts = append(hosts, h.Name)
	}
	pr.line("hosts  ", hostnames.Join(hosts))
	for _, h := range slices.Sorted(maps.Keys(p.Absent)) {
		pr.line("left out ", h, ": ", p.Absent[h])
	}
	if inputs := p.Inputs(); len(inputs) > 0 {
		pr.line("To be given again at apply: ", strings.Join(inputs, ", "))
	}
	if p.Destroy {
		pr.line(st.red("Takes everything off these hosts"))
	}
	pr.line()
	if pr.err != nil || p.Destroy {
		return errors.Join(pr.err, Plan(w, executor.Saved(p), names, st))
	}
	if err := PreflightLevels(w, p.Cluster.Preflight.Levels, st); err != nil {
		return err
	}
	if err := Preflight(w, p.Findings(), p.Report, len(p.Hosts)-departing(p), st); err != nil {
		return err
	}
	if err := Plan(w, executor.Saved(p), names, st); err != nil {
		return err
	}
	return Policies(w, p.Policies, st)
}

// maxMoves is how many lines Moves returns at most, without the last.
const maxMoves = 40

// Moves says in a line each what has changed since a plan was saved, and how
// much.
func Moves(moves []executor.Move) []string {
	var lines []string
	for _, m := range moves {
		lines = append(lines, moved(m)...)
	}
	if more := len(lines) - maxMoves; more > 0 {
		lines = append(lines[:maxMoves:maxMoves], fmt.Sprintf("and %d more", more))
	}
	return lines
}

func moved(m executor.Move) []string {
	var lines []string
	add := func(item, what string) {
		lines = append(lines, strings.TrimSuffix(fmt.Sprintf("%s: %s %s", m.Addr, item, what), " "))
	}
	for _, was := range m.Was {
		i := slices.IndexFunc(m.Is, func(c change.Change) bool { return c.Item == was.Item && c.Kind == was.Kind })
		if i < 0 {
			add(was.Item, "needs no change any more")
		} else {
			add(was.Item, between(was, m.Is[i]))
		}
	}
	for _, is := range m.Is {
		if !slices.ContainsFunc(m.Was, func(c change.Change) bool { return c.Item == is.Item && c.Kind == is.Kind }) {
			add(is.Item, appeared(is))
		}
	}
	return lines
}

// between says how one item has changed.
func between(was, is change.Change) string {
	switch {
	case !was.Until.IsZero() && is.Until.IsZero():
		return "was to be known after " + was.Until.String() + ", and is known now"
	case was.Until.IsZero() && !is.Until.IsZero():
		return "was known, and is only known after " + is.Until.String() + " now"
	case was.Have != was.Want && was.Want == is.Want && was.Have != is.Have:
		return "is not what it was: " + distance(was.Have, is.Have, is)
	case was.Want != is.Want:
		return "is to be something else: " + distance(was.Want, is.Want, is)
	case was.Why != is.Why:
		return "changes because " + wording.OrEmpty(is.Why) + ", not because " + wording.OrEmpty(was.Why)
	}
	return fmt.Sprintf("is to be %s, not %s", verb(is.Action), verb(was.Action))
}

func appeared(c change.Change) string {
	switch {
	case !c.Until.IsZero():
		return "is known only after " + c.Until.String()
	case c.Action == change.Restart:
		return "is to be restarted now, because " + c.Why
	case c.Action == change.Reload:
		return "is to be read again by systemd now, because " + c.Why
	case c.Have == "":
		return "is missing now"
	}
	return "differs now: " + distance(c.Want, c.Have, c)
}

// distance says how much two values differ: it shows short values, and counts
// the lines of files.
func distance(was, is string, c change.Change) string {
	if c.Secret {
		return "(sensitive)"
	}
	if !c.IsText() {
		return wording.OrEmpty(was) + " -> " + wording.OrEmpty(is)
	}
	switch {
	case was == "":
		return "it was not there, and has " + wording.Count(strings.Count(is, "\n"), "line")
	case is == "":
		return "it is gone"
	}
	more, fewer := 0, 0
	u, err := udiff.ToUnified("", "", was, udiff.Lines(was, is), 0)
	if err != nil {
		return "its content"
	}
	for _, line := range strings.Split(u, "\n") {
		switch {
		case strings.HasPrefix(line, "+++ "), strings.HasPrefix(line, "--- "):
		case strings.HasPrefix(line, "+"):
			more++
		case strings.HasPrefix(line, "-"):
			fewer++
		}
	}
	return fmt.Sprintf("%s new, %d gone", wording.Count(more, "line"), fewer)
}

func verb(a change.Action) string {
	switch a {
	case change.Add:
		return "added"
	case change.Remove:
		return "removed"
	case change.Replace:
		return "replaced, as foreign"
	case change.Restart:
		return "restarted"
	case change.Reload:
		return "read again by systemd"
	}
	return "changed"
}

// departing counts the hosts that a plan removes from the cluster.
func departing(p *saved.Plan) int {
	n := 0
	for _, l := range p.Cluster.Departing {
		if slices.ContainsFunc(p.Hosts, func(h saved.Host) bool { return h.Name == l.Host.Name }) {
			n++
		}
	}
	return n
}
