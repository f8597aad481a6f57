package terminal

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/state"
	"github.com/pmkctl/pmkctl/view/wording"
)

// HostDrift is what drifted on a host.
type HostDrift struct {
	Host  string
	Items []DriftItem
	Stays map[string]string // items that the spec no longer wants and pmkctl does not remove, and why
}

// DriftItem is one thing that drifted.
type DriftItem struct {
	state.Drift
	Lines    []wording.Line // how its content differs, if that is known
	Mended   bool           // apply puts it right
	Changed  bool           // the spec has changed too
	Unwanted bool           // the spec no longer wants it
}

// Drift shows what on the hosts differs from what pmkctl wrote, and which
// users may have changed it. asked are the steps that change something
// because of the spec.
func Drift(w io.Writer, hosts []HostDrift, asked []string, st Style) error {
	p := &printer{w: w}
	things, on := 0, 0
	for _, h := range hosts {
		if len(h.Items) > 0 {
			on++
		}
		things += len(h.Items)
	}
	for _, h := range hosts {
		if len(h.Items)+len(h.Stays) == 0 {
			continue
		}
		p.line(st.bold(h.Host))
		for i, d := range h.Items {
			again := i+1 < len(h.Items) && h.Items[i+1].Item == d.Item
			showDrift(p, d, again, st)
		}
		for _, item := range slices.Sorted(maps.Keys(h.Stays)) {
			p.line("      ", item, st.faint(" is not wanted any more and stays: "+h.Stays[item]))
		}
		p.line()
	}
	switch {
	case things == 0:
		p.line(st.bold("No drift: the hosts are as pmkctl left them"))
	default:
		p.line(st.bold(fmt.Sprintf("Drift: %s on %s not as pmkctl left them", wording.Count(things, "thing"), wording.Count(on, "host"))))
	}
	if len(asked) > 0 {
		p.line("The spec asks for other changes, which pmkctl plan shows: ", strings.Join(asked, ", "))
	}
	return p.err
}

// showDrift shows one difference. The notes follow the last difference of an
// item, because they are true of all of them.
func showDrift(p *printer, d DriftItem, again bool, st Style) {
	sign := st.yellow("~")
	if d.What == state.IsGone {
		sign = st.red("-")
	}
	p.line("    ", sign, " ", d.Item, ": ", wording.Visible(driftText(d.Drift)))
	for _, l := range d.Lines {
		p.line("        ", st.line(l))
	}
	if again {
		return
	}
	for _, note := range driftNotes(d) {
		p.line("      ", st.faint(wording.Visible(note)))
	}
}

// driftText says what differs.
func driftText(d state.Drift) string {
	switch {
	case d.What == state.IsGone:
		return "it is gone"
	case d.What == state.OfContent && d.Is == "":
		return "another content"
	}
	return fmt.Sprintf("%s %s -> %s", d.What, wording.OrEmpty(d.Was), wording.OrEmpty(d.Is))
}

// driftNotes say when it was changed and by which user, as far as the host
// has traces of that, and what apply will do.
func driftNotes(d DriftItem) []string {
	var notes []string
	when := "nobody can tell when"
	if !d.By.Changed.IsZero() {
		when = "changed " + moment(d.By.Changed)
		if d.What == state.IsGone {
			when = "at the latest " + moment(d.By.Changed)
		}
	}
	if d.By.Owner != "" && d.By.Owner != "root" {
		when += "; the file is " + d.By.Owner + "'s"
	}
	if d.By.Package != "" {
		when += "; it belongs to package " + d.By.Package
	}
	notes = append(notes, when)
	for _, t := range d.By.Traces {
		notes = append(notes, traceText(t))
	}
	if !d.Written.Time.IsZero() {
		notes = append(notes, fmt.Sprintf("written by pmkctl %s (run %s)", moment(d.Written.Time), d.Written.Run))
	}
	switch {
	case d.Unwanted:
		notes = append(notes, "the spec does not want it any more; pmkctl apply removes it")
	case d.Changed:
		notes = append(notes, "the spec asks for something else now; pmkctl apply makes it so")
	case d.Mended:
		notes = append(notes, "pmkctl apply puts it back")
	default:
		notes = append(notes, "pmkctl accepts it as it is")
	}
	return notes
}

// traceText is an entry of a log: "sudo: alice ran sed -i ... at ...".
func traceText(t host.Trace) string {
	maybe := "perhaps "
	if t.Names {
		maybe = ""
	}
	who := cmp.Or(t.Who, "somebody")
	switch t.Source {
	case "sshd":
		return fmt.Sprintf("%s%s, who came in %s at %s", maybe, who, t.What, moment(t.Time))
	case "dpkg", "dnf":
		return fmt.Sprintf("%s%s: %s at %s", maybe, t.Source, t.What, moment(t.Time))
	case "object":
		return t.What
	}
	return fmt.Sprintf("%s%s by %s: %s at %s", maybe, who, t.Source, t.What, moment(t.Time))
}

// moment returns a time to the second.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
