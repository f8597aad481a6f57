package page

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/view/document"
	"github.com/pmkctl/pmkctl/view/wording"
)

// probesPage is the data of the template of a preflight page, or of the part
// of a plan's page that is about preflight.
type probesPage struct {
	shell
	*document.Preflight
	Summed   string
	Levels   []string
	Picture  *picture
	Glyphs   []glyph
	Said     []said
	Ports    []boundPort
	Findings []document.PreflightFinding // except those of statements
	Failing  []document.PreflightEdge
	More     int // failing edges that are not listed
	Data     template.JS
}

// failingAtMost is how many edges the page lists; the matrix has all.
const failingAtMost = 400

// Preflight writes a document of preflight as a page that needs nothing else.
func Preflight(w io.Writer, d *document.Preflight) error {
	p, err := newProbesPage(d)
	if err != nil {
		return err
	}
	if p.shell, err = newShell([]string{"base.css", "probes.css"}, []string{"probes.js"}, p.Picture.Rules()); err != nil {
		return err
	}
	return writePage(w, "preflight.html", p)
}

func newProbesPage(d *document.Preflight) (*probesPage, error) {
	p := &probesPage{Preflight: d, Summed: sumUp(d), Levels: wording.Levels(d.Levels), Glyphs: glyphs, Ports: boundPorts(d.Binds)}
	p.say()
	data := newPageData(d)
	p.Picture = newPicture(data.Hosts, data.layers)
	for e := range d.Edges.All() {
		if v := preflight.Verdict(e.Verdict); v != preflight.OK && v != preflight.NotProbed {
			if len(p.Failing) < failingAtMost {
				p.Failing = append(p.Failing, e)
			} else {
				p.More++
			}
		}
	}
	text, err := json.Marshal(data)
	p.Data = template.JS(text) //nolint:gosec // Marshal leaves no <, > or &
	return p, err
}

// said is a statement with its finding.
type said struct {
	document.PreflightStatement
	Finding *document.PreflightFinding
}

// say separates findings that are statements about several hosts from the
// others.
func (p *probesPage) say() {
	of := map[string]*document.PreflightFinding{}
	for _, s := range p.Statements {
		of[s.Text] = nil
	}
	for _, f := range p.Preflight.Findings {
		if _, ok := of[f.Found]; ok {
			of[f.Found] = &f
			continue
		}
		p.Findings = append(p.Findings, f)
	}
	for _, s := range p.Statements {
		p.Said = append(p.Said, said{s, of[s.Text]})
	}
}

// sumUp returns the document in a line.
func sumUp(d *document.Preflight) string {
	s := d.Summary
	parts := []string{wording.Count(s.Hosts, "host")}
	if s.Absent > 0 {
		parts[0] += fmt.Sprintf(", %d left out", s.Absent)
	}
	parts = append(parts, fmt.Sprintf("%d of %d edges ok", s.OK+s.Lossy, s.Edges))
	if s.NotProbed > 0 {
		parts = append(parts, fmt.Sprintf("%d not probed", s.NotProbed))
	}
	parts = append(parts, wording.Count(s.Errors, "error"), wording.Count(s.Warnings, "warning"))
	if s.Ignored > 0 {
		parts = append(parts, fmt.Sprintf("%d ignored", s.Ignored))
	}
	return strings.Join(parts, " · ")
}

func millis(ms int64) string { return fmt.Sprintf("%.2f s", float64(ms)/1000) }

func micros(us int64) string {
	if us == 0 {
		return ""
	}
	d := time.Duration(us) * time.Microsecond
	if d >= 10*time.Millisecond {
		return d.Round(time.Millisecond).String()
	}
	return fmt.Sprintf("%.2f ms", float64(us)/1000)
}

// sentence makes a text begin with a capital and end with a full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}
