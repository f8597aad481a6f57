package page

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
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

// A boundPort is a port with the same state on several hosts.
type boundPort struct {
	document.PreflightBind
	By    string // what holds it
	Hosts []string
}

// boundPorts groups binds, those that are wrong first.
func boundPorts(binds []document.PreflightBind) []boundPort {
	var out []boundPort
	at := map[string]int{}
	for _, b := range binds {
		by := holderWords(b)
		address := b.Address
		if !strings.HasPrefix(address, "127.") && address != "" {
			address = "internal"
		}
		key := fmt.Sprint(b.Protocol, b.Port, address, b.Unit, b.State, by)
		i, ok := at[key]
		if !ok {
			i, at[key] = len(out), len(out)
			b.Address = address
			out = append(out, boundPort{PreflightBind: b, By: by})
		}
		out[i].Hosts = append(out[i].Hosts, b.Host)
	}
	slices.SortStableFunc(out, func(a, b boundPort) int { return wording.First(!a.well(), !b.well()) })
	return out
}

func (b boundPort) well() bool {
	return b.State == string(preflight.Free) || b.State == string(preflight.InUse)
}

// Class colours the row.
func (b boundPort) Class() string {
	if b.well() || b.State == string(preflight.Unbound) {
		return ""
	}
	return "bad"
}

func holderWords(b document.PreflightBind) string {
	h := b.Holder
	switch {
	case h == nil:
		return b.Error
	case h.Kernel:
		return "the kernel"
	case b.State == string(preflight.InUse): // its pid differs from host to host
		return h.Process
	case h.Unit != "":
		return fmt.Sprintf("%s (pid %d, %s)", h.Process, h.PID, h.Unit)
	}
	return fmt.Sprintf("%s (pid %d)", h.Process, h.PID)
}

// pageData is the document for the page's script: compact, because there
// may be 200 hosts with 120,000 edges.
type pageData struct {
	Hosts    []string                      `json:"hosts"`
	About    []string                      `json:"about"` // address and roles
	Verdicts [][2]string                   `json:"verdicts"`
	Paths    []string                      `json:"paths"`
	Classes  []string                      `json:"classes"`
	Ports    []*portData                   `json:"ports"`
	Details  []string                      `json:"details"`
	Binds    map[int][]string              `json:"binds"`    // by host, what is not free
	Findings map[int][]string              `json:"findings"` // by host
	Said     []document.PreflightStatement `json:"said"`

	layers []*layer
}

// portData is a port's edges, as matrices row by row.
type portData struct {
	Port     string      `json:"port"`
	Why      string      `json:"why"`
	Verdicts string      `json:"v"` // a letter for each cell, "." for no edge
	RTT      []int64     `json:"rtt"`
	More     map[int]any `json:"more"` // by cell: detail, or detail, sent and got

	letters []byte
}

func newPageData(d *document.Preflight) *pageData {
	p := &pageData{Details: []string{""}, Binds: map[int][]string{}, Findings: map[int][]string{}, Said: d.Statements}
	at := map[string]int{}
	for i, h := range d.Hosts {
		at[h.Name] = i
		p.Hosts, p.About = append(p.Hosts, h.Name), append(p.About, h.Address+" · "+strings.Join(h.Roles, ", "))
	}
	for _, l := range glyphs {
		p.Verdicts, p.Paths, p.Classes = append(p.Verdicts, [2]string{string(l.Verdict), l.Words}), append(p.Paths, l.Path), append(p.Classes, l.Class)
	}
	p.edges(d, at)
	p.perHost(d, at)
	return p
}

func (p *pageData) edges(d *document.Preflight, at map[string]int) {
	n := len(p.Hosts)
	all := newLayer(0, "", "", n)
	p.layers = []*layer{all}
	ports, details := map[string]int{}, map[string]int{"": 0}
	for e := range d.Edges.All() {
		name := e.Name()
		i, ok := ports[name]
		if !ok {
			i, ports[name] = len(p.Ports), len(p.Ports)
			p.Ports = append(p.Ports, &portData{Port: name, Why: e.Why, RTT: make([]int64, n*n), More: map[int]any{}, letters: []byte(strings.Repeat(".", n*n))})
			p.layers = append(p.layers, newLayer(i+1, name, e.Why, n))
		}
		from, to, v := at[e.From], at[e.To], preflight.Verdict(e.Verdict)
		cell := from*n + to
		all.put(from, to, v)
		p.layers[i+1].put(from, to, v)
		port := p.Ports[i]
		if e.Passes > 0 {
			e.Detail = strings.TrimPrefix(fmt.Sprintf("%s; of %d bytes %d pass", e.Detail, e.Size, e.Passes), "; ")
		}
		port.letters[cell], port.RTT[cell] = byte('a'+rank(v)), e.RTTUS
		if v == preflight.OK && e.Detail == "" && e.Got == e.Sent {
			continue
		}
		k, ok := details[e.Detail]
		if !ok {
			k = len(p.Details)
			details[e.Detail], p.Details = k, append(p.Details, e.Detail)
		}
		if port.More[cell] = k; e.Sent > 0 {
			port.More[cell] = [3]int{k, e.Sent, e.Got}
		}
	}
	for _, port := range p.Ports {
		port.Verdicts = string(port.letters)
	}
	for _, l := range p.layers {
		l.count()
	}
}

// perHost sets what the diagonal of the matrix shows.
func (p *pageData) perHost(d *document.Preflight, at map[string]int) {
	for _, b := range d.Binds {
		if b.State != string(preflight.Free) {
			text := fmt.Sprintf("%d/%s (%s): %s", b.Port, b.Protocol, b.Why, b.State)
			if by := holderWords(b); by != "" {
				text += ", " + by
			}
			p.Binds[at[b.Host]] = append(p.Binds[at[b.Host]], text)
		}
	}
	for _, f := range d.Findings {
		for _, h := range f.Hosts {
			text := f.Level + " " + f.ID + ": " + f.Found
			if f.Expected != "" {
				text += "; expected " + f.Expected
			}
			p.Findings[at[h]] = append(p.Findings[at[h]], text)
		}
	}
	for _, l := range d.Absent {
		p.Findings[at[l.Host]] = append(p.Findings[at[l.Host]], "left out: "+l.Why)
	}
}

// sentence makes a text begin with a capital and end with a full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}
