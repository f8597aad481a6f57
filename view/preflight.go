package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/modules"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// Preflight shows what the probes found: what is wrong, worst first, then
// what is well, and a summary.
func Preflight(w io.Writer, findings modules.Diff, r *preflight.Report, hosts int, st Style) error {
	p := &printer{w: w}
	for _, level := range []modules.Level{modules.Error, modules.Warning, modules.Ignored} {
		for _, f := range alikeFindings(findings, level) {
			showFinding(p, f, st)
		}
	}
	if r != nil {
		showReport(p, r, st)
	}
	p.line(st.bold(preflightSummary(findings, r, hosts)))
	p.line()
	return p.err
}

// foundOn is a finding and the hosts that share it.
type foundOn struct {
	modules.Change
	hosts []string
}

// alikeFindings are the findings of a level; the same on several hosts is
// one.
func alikeFindings(d modules.Diff, level modules.Level) []*foundOn {
	var list []*foundOn
	for _, c := range d {
		if c.Kind != modules.Finding || c.Level != level {
			continue
		}
		host, isHost := strings.CutSuffix(c.Item, " "+title(c.ID))
		if same := findAlike(list, c); same != nil && isHost {
			same.hosts = append(same.hosts, host)
			continue
		}
		f := &foundOn{Change: c}
		if isHost {
			f.hosts = []string{host}
		}
		list = append(list, f)
	}
	return list
}

func findAlike(list []*foundOn, c modules.Change) *foundOn {
	for _, f := range list {
		if f.ID == c.ID && f.Have == c.Have && f.Want == c.Want && len(f.hosts) > 0 {
			return f
		}
	}
	return nil
}

func title(id string) string {
	c, _ := preflight.Find(id)
	return c.Title
}

func showFinding(p *printer, f *foundOn, st Style) {
	where := ""
	if len(f.hosts) > 0 {
		where = strings.Join(HostRanges(f.hosts), ", ") + ": "
	}
	text := where + f.Have
	if f.Want != "" {
		text += "; expected " + f.Want
	}
	p.line(paintLevel(f.Level, st), " ", f.ID, " ", text)
	if f.Level == modules.Error && f.Why != "" {
		p.line(st.faint("              " + f.Why))
	}
}

func paintLevel(l modules.Level, st Style) string {
	text := fmt.Sprintf("%-7s", l)
	switch l {
	case modules.Error:
		return st.red(text)
	case modules.Warning:
		return st.yellow(text)
	}
	return st.faint(text)
}

func showReport(p *printer, r *preflight.Report, st Style) {
	for _, l := range r.Left {
		p.line(st.yellow("left out"), fmt.Sprintf(" %s: %s, %s not probed", l.Host, l.Why, count(l.Edges, "edge")))
	}
	for _, t := range preflight.Tallies(r.Edges) {
		sign := st.green("ok     ")
		if t.OK+t.NotProbed < t.Edges {
			sign = st.red("failed ")
		}
		line := t.String()
		if t.Why != "" {
			line += " (" + t.Why + ")"
		}
		if t.OK > 0 {
			line += fmt.Sprintf(", median %s", t.Median.Round(10*time.Microsecond))
		}
		p.line(sign, " ", line)
	}
}

func preflightSummary(d modules.Diff, r *preflight.Report, hosts int) string {
	errors, warnings := 0, 0
	for _, c := range d {
		switch c.Level {
		case modules.Error:
			errors++
		case modules.Warning:
			warnings++
		}
	}
	verdict := "passed"
	if errors > 0 {
		verdict = "failed: " + count(errors, "error")
	}
	if warnings > 0 {
		verdict += ", " + count(warnings, "warning")
	}
	probed := ""
	if r != nil {
		free := 0
		for _, b := range r.Binds {
			if b.State == preflight.Free {
				free++
			}
		}
		probed = fmt.Sprintf(" (%s, %d of %d ports bound, %s between hosts, %.1f s)",
			count(hosts, "host"), free, len(r.Binds), count(len(r.Edges), "edge"), r.Took.Seconds())
	}
	return "Preflight " + verdict + probed
}
