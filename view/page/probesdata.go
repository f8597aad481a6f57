package page

import (
	"fmt"
	"strings"

	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/view/document"
)

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
