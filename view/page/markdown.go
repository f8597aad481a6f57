package page

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/view/wording"
)

// MarkdownLimit is the size in bytes that the Markdown of a plan stays under:
// GitHub takes 65,536 characters in a comment.
const MarkdownLimit = 65_000

// The parts have limits, so that no name of a host or a spec can fill the
// text, and there is room for the list of what was cut.
const (
	riskRoom    = 6_000
	policyRoom  = 5_000
	hostRoom    = 14_000
	restartRoom = 8_000
	cutRoom     = 4_000
	textRoom    = 400
	titleRoom   = 240
	cellRoom    = 120
)

// Markdown writes a saved plan as Markdown that GitHub and GitLab show
// alike, for a merge request. What matters most comes first; steps that do
// not fit are only named. Names from hosts and specs are in code, where they
// neither mention users nor make links.
func Markdown(w io.Writer, p *saved.Plan, id string, names wording.Names) error {
	m := &markdown{review: newReview(p, id, names)}
	m.head()
	m.risks()
	m.policyTable()
	m.hostTable()
	m.restartList()
	m.changes()
	_, err := io.WriteString(w, m.b.String())
	return err
}

// markdown builds the text.
type markdown struct {
	*review
	b strings.Builder
}

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(&m.b, format+"\n", args...) }

// list writes lines until the room is used.
func (m *markdown) list(room int, lines []string) {
	for i, l := range lines {
		if room -= len(l) + 1; room < 0 {
			m.line("\nAnd %d more: `pmkctl show FILE` tells of all.", len(lines)-i)
			return
		}
		m.line("%s", l)
	}
}

func (m *markdown) head() {
	m.line("## %s%s", m.Title(), code(clip(m.Cluster.Name, cellRoom)))
	if m.Destroy {
		m.line("\n🛑 **%s**", destroyWords)
	}
	m.line("\n**%s**, %s sent\n", strings.TrimPrefix(wording.Summary(m.Impact.Counts).String(), "Plan: "), wording.Bytes(m.Impact.Bytes))
	m.line("Made %s by %s with pmkctl %s.", wording.When(m.Made), code(clip(m.Who, cellRoom)), code(clip(m.Pmkctl.Version, cellRoom)))
	m.line("To do exactly this: %s", code("pmkctl apply -sha256="+m.ID+" FILE"))
	if inputs := m.Inputs(); len(inputs) > 0 {
		m.line("\nTo be given again at apply: %s", code(clip(strings.Join(inputs, ", "), textRoom)))
	}
	var absent []string
	for _, h := range m.Hosts {
		if why := m.Absent[h.Name]; why != "" {
			absent = append(absent, h.Name+" ("+why+")")
		}
	}
	if len(absent) > 0 {
		m.line("\n**Left out:** %s", code(clip(strings.Join(absent, ", "), textRoom)))
	}
	if steps := m.ExcludedLines(); len(steps) > 0 {
		m.line("\n**This is a part of what differs:**\n")
		for i, l := range steps {
			steps[i] = "- " + code(clip(strings.TrimSpace(l), textRoom))
		}
		m.list(riskRoom, steps)
	}
}

func (m *markdown) risks() {
	if len(m.Marks) == 0 {
		m.line("\nNo risks: nothing is removed or replaced, no control-plane host or etcd member changes, nothing restarts.")
		return
	}
	m.line("\n### Risks\n")
	var lines []string
	for _, k := range m.Marks {
		title := "**" + k.Key.Title() + "**"
		if k.Key.Grave() {
			title = "🛑 " + title
		}
		line := "- " + title + ": " + k.Text
		if k.Hosts != "" {
			line += ": " + code(clip(k.Hosts, textRoom))
		}
		var items []string
		for _, item := range k.Items {
			items = append(items, code(clip(item, cellRoom)))
		}
		if len(items) > 0 {
			line += "; " + strings.Join(items, ", ")
		}
		if k.More > 0 {
			line += fmt.Sprintf(" and %d more", k.More)
		}
		lines = append(lines, line)
	}
	m.list(riskRoom, lines)
}

func (m *markdown) policyTable() {
	if len(m.Policies) == 0 {
		return
	}
	m.line("\n### Policies: %s\n\n| policy | result | message |\n| --- | --- | --- |", m.PolicyLine())
	var lines []string
	for _, v := range m.Policies {
		result := judged(v)
		if v.Failed() {
			result = "🛑 **failed**"
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s |", cell(v.Name), result, cell(v.Message)))
	}
	m.list(policyRoom, lines)
}

// hostTable writes one row for all hosts with the same roles and changes.
func (m *markdown) hostTable() {
	type row struct {
		roles, counts, restarts, sent, system string
	}
	var rows []row
	hosts, at := map[row][]reviewHost{}, map[row]bool{}
	for _, h := range m.Hosts {
		r := row{strings.Join(h.Roles, ", "), countWords(h), strings.Join(h.Restarts, ", "), sizeWords(h.Bytes), h.System}
		if h.Note != "" {
			r.roles = strings.TrimPrefix(r.roles+", "+h.Note, ", ")
		}
		if !at[r] {
			at[r] = true
			rows = append(rows, r)
		}
		hosts[r] = append(hosts[r], h)
	}
	m.line("\n### Hosts\n\n| host | address | roles | changes | restarts | sent | system |\n| --- | --- | --- | --- | --- | --- | --- |")
	var lines []string
	for _, r := range rows {
		var names []string
		for _, h := range hosts[r] {
			names = append(names, h.Name)
		}
		address := hosts[r][0].Address
		if len(names) > 1 {
			address += ", ..."
		}
		cells := []string{wording.Hosts(names), address, r.roles, r.counts, r.restarts, r.sent, r.system}
		for i, c := range cells {
			cells[i] = cell(c)
		}
		lines = append(lines, "| "+strings.Join(cells, " | ")+" |")
	}
	m.list(hostRoom, lines)
}

func sizeWords(n int64) string {
	if n == 0 {
		return ""
	}
	return wording.Bytes(n)
}

func countWords(h reviewHost) string {
	c := h.Counts
	words := nonEmpty(signed("-", c.Remove), signed("+", c.Add), signed("~", c.Change))
	return cmp.Or(strings.Join(words, " "), "nothing")
}

func (m *markdown) restartList() {
	if len(m.Restarts) == 0 {
		return
	}
	m.line("\n### Restarts\n\n| service | hosts | because |\n| --- | --- | --- |")
	var lines []string
	for _, r := range m.Restarts {
		lines = append(lines, fmt.Sprintf("| %s | %s | %s |", cell(r.Unit), cell(wording.Hosts(r.Hosts)), cell(r.Why)))
	}
	m.list(restartRoom, lines)
}
