package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/hostnames"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/view/wording"
)

// Preflight shows what the probes found: what is wrong, worst first, then
// what is well, and a summary.
func Preflight(w io.Writer, findings []preflight.Finding, r *preflight.Report, hosts int, st Style) error {
	p := &printer{w: w}
	for _, level := range preflight.Ranked {
		list := few(alikeFindings(findings, level))
		for i, f := range list {
			showFinding(p, f, st)
			// Cause and what to do are said once for all that share them.
			if last := i+1 == len(list) || list[i+1].ID != f.ID || list[i+1].Advice() != f.Advice(); last && level == preflight.Error && f.Advice() != "" {
				p.line(st.faint("              " + f.Advice()))
			}
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
	preflight.Finding
	hosts []string
}

// alikeFindings returns the findings of a level; the same finding on several
// hosts is one.
func alikeFindings(fs []preflight.Finding, level preflight.Level) []*foundOn {
	var list []*foundOn
	for _, f := range fs {
		if f.Level != level {
			continue
		}
		if same := findAlike(list, f); same != nil && f.Host != "" {
			same.hosts = append(same.hosts, f.Host)
			continue
		}
		on := &foundOn{Finding: f}
		if f.Host != "" {
			on.hosts = []string{f.Host}
		}
		list = append(list, on)
	}
	return byID(list)
}

// findingsAtMost is how many findings of one check are shown one by one.
const findingsAtMost = 8

// few cuts a list, ordered by id, to the size of a screen: one finding counts
// the further findings of a check.
func few(list []*foundOn) []*foundOn {
	var out []*foundOn
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].ID == list[0].ID {
			n++
		}
		if n <= findingsAtMost+1 {
			out, list = append(out, list[:n]...), list[n:]
			continue
		}
		out = append(out, list[:findingsAtMost]...)
		out, list = append(out, remaining(list[findingsAtMost:n])), list[n:]
	}
	return out
}

func remaining(list []*foundOn) *foundOn {
	f := &foundOn{Finding: list[0].Finding}
	f.Found, f.Expected = fmt.Sprintf("%d more like these", len(list)), ""
	var hosts []string
	for _, o := range list {
		hosts = append(hosts, o.hosts...)
	}
	if slices.SortStableFunc(hosts, hostnames.Compare); len(hosts) > 0 {
		f.Found += ", on " + hostnames.Join(slices.Compact(hosts))
	}
	f.Found += "; preflight -json has them all"
	return f
}

// absent says which hosts are not in the run, with one line for a reason.
func absent(list []preflight.Absent) []string {
	var lines, hosts []string
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b preflight.Absent) int { return strings.Compare(a.Why, b.Why) })
	for i, l := range list {
		hosts = append(hosts, l.Host)
		if i+1 < len(list) && list[i+1].Why == l.Why {
			continue
		}
		what := wording.Count(l.Edges, "edge") + " not probed"
		if len(hosts) > 1 { // an edge between two of them would count twice
			what = "their edges not probed"
		}
		slices.SortStableFunc(hosts, hostnames.Compare)
		lines = append(lines, hostnames.Join(hosts)+": "+l.Why+", "+what)
		hosts = nil
	}
	return lines
}

// byID puts findings of one id together, in the order of the first of each.
func byID(list []*foundOn) []*foundOn {
	rank := map[string]int{}
	for _, f := range list {
		if _, ok := rank[f.ID]; !ok {
			rank[f.ID] = len(rank)
		}
	}
	slices.SortStableFunc(list, func(a, b *foundOn) int { return rank[a.ID] - rank[b.ID] })
	return list
}

func findAlike(list []*foundOn, like preflight.Finding) *foundOn {
	for _, f := range list {
		if f.ID == like.ID && f.Found == like.Found && f.Expected == like.Expected && len(f.hosts) > 0 {
			return f
		}
	}
	return nil
}

func showFinding(p *printer, f *foundOn, st Style) {
	where := hostnames.Join(f.hosts)
	text := f.Found
	if where != "" && !strings.HasPrefix(text, where+" ") {
		text = where + ": " + text
	}
	if f.Expected != "" {
		text += "; expected " + f.Expected
	}
	p.line(paintLevel(f.Level, st), " ", f.ID, " ", text)
}

func paintLevel(l preflight.Level, st Style) string {
	text := fmt.Sprintf("%-7s", l)
	switch l {
	case preflight.Error:
		return st.red(text)
	case preflight.Warning:
		return st.yellow(text)
	}
	return st.faint(text)
}

func showReport(p *printer, r *preflight.Report, st Style) {
	for _, line := range absent(r.Absent) {
		p.line(st.yellow("left out"), " ", line)
	}
	for _, t := range preflight.Tallies(r.Edges) {
		line := t.String()
		if t.Why != "" {
			line += " (" + t.Why + ")"
		}
		if t.OK > 0 {
			line += fmt.Sprintf(", median %s", t.Median.Round(10*time.Microsecond))
		}
		p.line(tallySign(t, st), " ", line)
	}
}

// tallySign is ok only if every edge was tried.
func tallySign(t preflight.Tally, st Style) string {
	switch {
	case t.OK == t.Edges:
		return st.green("ok     ")
	case t.OK+t.NotProbed < t.Edges:
		return st.red("failed ")
	case t.OK == 0:
		return st.faint("skipped")
	}
	return st.yellow("partly ")
}

func preflightSummary(fs []preflight.Finding, r *preflight.Report, hosts int) string {
	errors, warnings := 0, 0
	for _, f := range fs {
		switch f.Level {
		case preflight.Error:
			errors++
		case preflight.Warning:
			warnings++
		}
	}
	verdict := "passed"
	if r != nil && slices.ContainsFunc(r.Absent, func(l preflight.Absent) bool { return l.Why == preflight.Unreachable }) {
		verdict = "incomplete"
	}
	if errors > 0 {
		verdict = "failed: " + wording.Count(errors, "error")
	}
	if warnings > 0 {
		verdict += ", " + wording.Count(warnings, "warning")
	}
	probed := ""
	if r != nil {
		good := 0
		for _, b := range r.Binds {
			if b.State == preflight.Free || b.State == preflight.InUse {
				good++
			}
		}
		ports := wording.Count(good, "port") + " ok"
		if good < len(r.Binds) {
			ports = fmt.Sprintf("%d of %d ports ok", good, len(r.Binds))
		}
		what := []string{wording.Count(hosts, "host"), ports}
		if len(r.Edges) > 0 {
			what = append(what, wording.Count(len(r.Edges), "edge")+" between hosts")
		}
		probed = fmt.Sprintf(" (%s, %.1f s)", strings.Join(what, ", "), r.Took.Seconds())
	}
	return "Preflight " + verdict + probed
}

// PreflightLevels names the checks whose level the spec sets, whether they
// found something or not: nothing is ignored in silence.
func PreflightLevels(w io.Writer, levels preflight.Levels, st Style) error {
	p := &printer{w: w}
	for _, line := range wording.Levels(levels) {
		p.line(st.yellow(line))
	}
	return p.err
}
