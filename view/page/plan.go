package page

import (
	"fmt"
	"html/template"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/graphview"
	"github.com/pmkctl/pmkctl/view/wording"
)

// planPage is the data of the template of a plan's page.
type planPage struct {
	shell
	*review
	Summed    string
	Probes    *probesPage // nil if nothing was probed
	Graph     template.HTML
	GraphNote string

	names wording.Names
	shown map[string]string // anchor of lines that are in the page already
}

// Plan writes a saved plan as a page that needs nothing else. id is empty if
// the plan is not kept in a file.
func Plan(w io.Writer, p *saved.Plan, id string, names wording.Names) error {
	page := &planPage{review: newReview(p, id, names), names: names, shown: map[string]string{}}
	page.Summed = wording.Summary(page.Impact.Counts).String()
	scripts, rules := []string{"plan.js"}, ""
	if p.Report != nil && !p.Destroy {
		doc := document.NewPreflight(document.PreflightRun{Program: p.Pmkctl.Version, Cluster: p.Cluster, Began: p.Made,
			Graph: page.checked.Graph, Findings: page.checked.Findings, Errs: page.checked.Errs, Report: p.Report, Absent: p.Absent})
		probes, err := newProbesPage(doc)
		if err != nil {
			return err
		}
		page.Probes, rules = probes, probes.Picture.Rules()
		scripts = append(scripts, "probes.js")
	}
	if err := page.draw(); err != nil {
		return err
	}
	var err error
	if page.shell, err = newShell([]string{"base.css", "probes.css", "plan.css"}, scripts, graphview.CSS+rules); err != nil {
		return err
	}
	return writePage(w, "plan.html", page)
}

// lanesAtMost is how many hosts have a lane each in the picture; for more
// hosts it shows modules.
const lanesAtMost = 24

func (p *planPage) draw() error {
	g := graphview.New(p.Steps, true)
	p.GraphNote = "Every step from left to right, each host in a lane; a step waits for those that a line comes from. Dashed boxes are checks."
	if len(p.Hosts) > lanesAtMost {
		g = g.Collapse()
		p.GraphNote = "Every module from left to right, with all its hosts; it waits for those that a line comes from. Dashed boxes are checks. " +
			"The picture of every step: pmkctl graph -format svg FILE."
	}
	var b strings.Builder
	err := graphview.SVG(&b, g, graphview.Options{Title: "Steps of the plan for cluster " + wording.Visible(p.Cluster.Name), Inline: true})
	p.Graph = template.HTML(b.String()) //nolint:gosec // it escapes
	return err
}

// Worth reports whether something was found that a reader should see unasked.
func (p *probesPage) Worth() bool {
	return p.Verdict != "passed" || p.Summary.Warnings > 0
}

// Set returns the places of hosts in the list of all: "0-3,7".
func (p *planPage) Set(hosts []string) string {
	var at []int
	for _, h := range hosts {
		if i, ok := p.index[h]; ok {
			at = append(at, i)
		}
	}
	slices.Sort(at)
	var parts []string
	for i := 0; i < len(at); {
		n := 1
		for i+n < len(at) && at[i+n] == at[i]+n {
			n++
		}
		if n == 1 {
			parts = append(parts, strconv.Itoa(at[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", at[i], at[i]+n-1))
		}
		i += n
	}
	return strings.Join(parts, ",")
}

// Anchor returns the id of a step for links.
func (p *planPage) Anchor(step int) string { return fmt.Sprintf("step-%d", step+1) }

// shortLines is how many lines are shown without a second click.
const shortLines = 16

// Short reports whether the lines of an item are shown as soon as its step is.
func (p *planPage) Short(s *reviewStep, item int) bool {
	return len(s.Items) == 1 || len(s.Items[item].Lines) <= shortLines
}

// sameLines is how many lines are worth a link to the same lines above.
const sameLines = 6

// Diff returns the lines of an item, or a link to the same lines.
func (p *planPage) Diff(step, item int) template.HTML {
	lines := p.Changes[step].Items[item].Lines
	html := diffHTML(lines, p.Changes[step].names)
	if len(lines) < sameLines {
		return template.HTML("<pre class=\"diff\">" + html + "</pre>") //nolint:gosec // escaped
	}
	if anchor, ok := p.shown[html]; ok {
		return template.HTML(fmt.Sprintf(`<p class="same" data-same=%q>The same %d lines as in <a href="#%s">another step</a>.</p>`, anchor, len(lines), anchor)) //nolint:gosec // ours alone
	}
	anchor := fmt.Sprintf("lines-%d-%d", step+1, item+1)
	p.shown[html] = anchor
	return template.HTML(fmt.Sprintf("<pre class=\"diff\" id=%q>%s</pre>", anchor, html)) //nolint:gosec // escaped
}

// diffHTML puts successive lines with one sign into one element, so that long
// files have few elements.
func diffHTML(lines []wording.Line, names []string) string {
	elements := map[string]string{"+": "ins", "-": "del", "~": "i"}
	var b strings.Builder
	open := ""
	for _, l := range lines {
		element, ok := elements[l.Sign]
		if !ok {
			element = "span"
		}
		if element != open {
			if open != "" {
				b.WriteString("</" + open + ">")
			}
			b.WriteString("<" + element + ">")
			open = element
		}
		b.WriteString(ownHTML(l.String(), names) + "\n")
	}
	if open != "" {
		b.WriteString("</" + open + ">")
	}
	return b.String()
}

// Own returns a text of a step in HTML.
func (p *planPage) Own(step int, text string) template.HTML {
	return template.HTML(ownHTML(text, p.Changes[step].names)) //nolint:gosec // escaped
}

// Shown returns the place of the host that a step is shown for; "" if the
// step is the same for all.
func (p *planPage) Shown(s *reviewStep) string {
	if s.names == nil {
		return ""
	}
	return strconv.Itoa(p.index[s.Hosts[0]])
}

// ownMark is the place of a name among those of its host; hashMark is a hash
// that follows from them.
var ownMark, hashMark = regexp.MustCompile("\x01([0-9]+)\x01"), regexp.MustCompile("((?:" + change.InputsKey + "|" + host.InputsVar + ")=)([0-9a-f]+)")

// ownHTML escapes a text and marks in it the names of the host that it is
// shown for, so that the page can replace them by those of another host.
func ownHTML(text string, names []string) string {
	text = wording.Visible(text)
	for i, n := range names {
		text = wording.ReplaceWord(text, n, fmt.Sprintf("\x01%d\x01", i))
	}
	text = template.HTMLEscapeString(text)
	if names == nil {
		return text
	}
	text = hashMark.ReplaceAllString(text, "$1<b data-hash>$2</b>")
	return ownMark.ReplaceAllStringFunc(text, func(mark string) string {
		i, _ := strconv.Atoi(strings.Trim(mark, "\x01"))
		return fmt.Sprintf("<b data-own=%d>%s</b>", i, template.HTMLEscapeString(wording.Visible(names[i])))
	})
}

// OwnNames returns the names of a host in order, which replace those marked.
func (p *planPage) OwnNames(host string) string {
	var escaped []string
	for _, n := range p.names[host] {
		escaped = append(escaped, url.PathEscape(n))
	}
	return strings.Join(escaped, " ")
}

// actionClass returns the class that colours an action.
func actionClass(a change.Action) string {
	switch a {
	case change.Add, change.Remove:
		return string(a)
	}
	return "update"
}

func signOf(a change.Action) string { return strings.ReplaceAll(wording.Sign(a), "-", "−") }

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }
