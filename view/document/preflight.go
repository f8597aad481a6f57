package document

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/wording"
)

// PreflightVersion is the version of Preflight: what is added counts up
// behind the dot, what a reader would stumble over before it.
const PreflightVersion = "1.0"

// PreflightRun is what a run of preflight came to.
type PreflightRun struct {
	Program  string // version of pmkctl
	Cluster  *spec.Cluster
	Began    time.Time
	Graph    *plan.Graph
	Diffs    map[address.Step]change.Diff
	Errs     map[address.Step]error
	Report   *preflight.Report // nil if the probe between hosts did not end
	Left     map[string]string // hosts that were left out, and why
	Failed   map[string]error  // those of them that could not be reached
	ExitCode int
}

// Preflight is a run of preflight as a document, for programs and for the
// page. docs/schema/preflight.json describes it.
type Preflight struct {
	Version    string               `json:"version"`
	Program    string               `json:"pmkctl"`
	Cluster    string               `json:"cluster"`
	Time       string               `json:"time"` // RFC 3339, UTC
	TookMS     int64                `json:"took_ms"`
	Verdict    string               `json:"verdict"` // passed, failed or incomplete
	ExitCode   int                  `json:"exit_code"`
	Summary    preflightSummary     `json:"summary"`
	Levels     preflight.Levels     `json:"levels"` // that the spec sets
	Statements []PreflightStatement `json:"statements"`
	Findings   []PreflightFinding   `json:"findings"`
	MTU        *preflight.PathMTU   `json:"mtu"` // null where the pod network is no overlay, or nothing was measured
	LeftOut    []preflightExcluded  `json:"left_out"`
	Errors     []preflightError     `json:"errors"` // of checks that did not end
	Hosts      []preflightHost      `json:"hosts"`
	Ports      []preflightPort      `json:"ports"`
	Binds      []PreflightBind      `json:"binds"`
	Edges      preflightEdges       `json:"edges"`
}

// preflightSummary counts.
type preflightSummary struct {
	Hosts      int `json:"hosts"` // of the spec
	LeftOut    int `json:"left_out"`
	Edges      int `json:"edges"`
	OK         int `json:"ok"` // edges, as the three below
	Lossy      int `json:"lossy"`
	Failed     int `json:"failed"`
	NotProbed  int `json:"not_probed"`
	Ports      int `json:"ports"` // that the components of all hosts bind
	PortsFree  int `json:"ports_free"`
	PortsInUse int `json:"ports_in_use"` // by the component that should
	Errors     int `json:"errors"`       // findings, as the two below
	Warnings   int `json:"warnings"`
	Ignored    int `json:"ignored"`
}

// preflightHost is a host of the spec.
type preflightHost struct {
	Name    string   `json:"name"`
	Address string   `json:"address"`
	Roles   []string `json:"roles"`
	Probed  bool     `json:"probed"`
}

// PreflightStatement says what is wrong between hosts, in as few as there are.
type PreflightStatement struct {
	Text    string   `json:"text"`
	From    string   `json:"from"` // a host, or "everyone"
	To      string   `json:"to"`
	Both    bool     `json:"both"`
	Ports   []string `json:"ports"`
	Verdict string   `json:"verdict"`
	Detail  string   `json:"detail,omitempty"`
	Edges   int      `json:"edges"`
	Of      int      `json:"of,omitempty"`

	FromHosts []string `json:"from_hosts,omitempty"` // where from and to stand for several hosts
	ToHosts   []string `json:"to_hosts,omitempty"`
}

// PreflightFinding is a check that found something, on all hosts where it found
// the same.
type PreflightFinding struct {
	ID       string   `json:"id"`
	Level    string   `json:"level"`
	Hosts    []string `json:"hosts"`
	Title    string   `json:"title"`
	Found    string   `json:"found"`
	Expected string   `json:"expected,omitempty"`
	Cause    string   `json:"cause,omitempty"`
	Do       string   `json:"do"`
}

// preflightExcluded is a host that was left out.
type preflightExcluded struct {
	Host  string `json:"host"`
	Why   string `json:"why"`
	Error string `json:"error,omitempty"`
	Edges int    `json:"edges"`
}

// preflightError is a check that could not be made.
type preflightError struct {
	Step  string `json:"step"`
	Error string `json:"error"`
}

// preflightPort is how all edges to one port fared.
type preflightPort struct {
	Port      string `json:"port"` // 8285/udp
	Why       string `json:"why,omitempty"`
	Edges     int    `json:"edges"`
	OK        int    `json:"ok"`
	NotProbed int    `json:"not_probed"`
	MedianUS  int64  `json:"median_us,omitempty"`
	MaxUS     int64  `json:"max_us,omitempty"`
}

// PreflightBind is a port that a component binds on a host.
type PreflightBind struct {
	Host     string           `json:"host"`
	Protocol string           `json:"protocol"`
	Address  string           `json:"address,omitempty"` // left out for every address
	Port     int              `json:"port"`
	Unit     string           `json:"unit,omitempty"` // that should hold it
	Why      string           `json:"why,omitempty"`
	State    string           `json:"state"`
	Error    string           `json:"error,omitempty"`
	Holder   *preflightHolder `json:"holder,omitempty"`
}

// preflightHolder is who holds a port.
type preflightHolder struct {
	Process string `json:"process,omitempty"`
	PID     int    `json:"pid,omitempty"`
	Unit    string `json:"unit,omitempty"`
	Stopped bool   `json:"stopped"`
	Kernel  bool   `json:"kernel"`
}

// PreflightEdge is traffic that must pass, and what became of it.
type PreflightEdge struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Protocol string `json:"protocol"`
	Port     int    `json:"port"`
	Why      string `json:"why,omitempty"`
	Verdict  string `json:"verdict"`
	Detail   string `json:"detail,omitempty"`
	RTTUS    int64  `json:"rtt_us,omitempty"`
	Sent     int    `json:"sent,omitempty"`
	Got      int    `json:"got,omitempty"`
	Service  bool   `json:"service"`          // the component itself answered
	Size     int    `json:"size,omitempty"`   // bytes of the full-size datagrams that were tried
	Passes   int    `json:"passes,omitempty"` // bytes of the largest that passed, where Size did not
}

// Name is the port as statements have it.
func (e PreflightEdge) Name() string {
	if e.Port == 0 {
		return e.Protocol
	}
	return fmt.Sprintf("%d/%s", e.Port, e.Protocol)
}

// preflightEdges are the edges of a report, made into PreflightEdge one by one: there
// may be millions.
type preflightEdges []preflight.EdgeResult

// All gives them in order.
func (d preflightEdges) All() iter.Seq[PreflightEdge] {
	return func(yield func(PreflightEdge) bool) {
		for _, e := range d {
			if !yield(PreflightEdge{From: e.From, To: e.To, Protocol: e.Proto, Port: e.Port, Why: e.Why, Verdict: string(e.Verdict),
				Detail: e.Detail, RTTUS: e.RTT.Microseconds(), Sent: e.Sent, Got: e.Got, Service: e.Service, Size: e.Size, Passes: e.Passes}) {
				return
			}
		}
	}
}

// NewPreflight makes the document. The report on the terminal is made of
// the same values.
func NewPreflight(r PreflightRun) *Preflight {
	d := &Preflight{Version: PreflightVersion, Program: r.Program, Cluster: r.Cluster.Name, Time: r.Began.UTC().Format(time.RFC3339),
		ExitCode: r.ExitCode, Levels: r.Cluster.Preflight.Levels, Errors: docErrors(r)}
	if d.Levels == nil {
		d.Levels = preflight.Levels{}
	}
	report := r.Report
	if report == nil {
		report = unprobed(r.Cluster)
	}
	d.TookMS, d.Edges, d.MTU = report.Took.Milliseconds(), report.Edges, report.MTU
	d.Statements, d.Ports = docStatements(report.Edges), docPorts(report.Edges)
	d.Findings = docFindings(r)
	nameHosts(d)
	for _, b := range report.Binds {
		d.Binds = append(d.Binds, docBind(b))
	}
	d.LeftOut = docLeft(r, report)
	for _, h := range r.Cluster.Hosts {
		_, left := r.Left[h.Name]
		d.Hosts = append(d.Hosts, preflightHost{h.Name, h.Address.String(), wording.Roles(h), !left})
	}
	d.count()
	return d
}

// unprobed is the report of a probe that did not end.
func unprobed(c *spec.Cluster) *preflight.Report {
	r := &preflight.Report{}
	for _, e := range plan.Edges(c) {
		r.Edges = append(r.Edges, preflight.EdgeResult{Edge: e, Verdict: preflight.NotProbed, Detail: "the probe did not end"})
	}
	return r
}

func docErrors(r PreflightRun) []preflightError {
	list := []preflightError{}
	for _, s := range r.Graph.Steps {
		if err := r.Errs[s.Addr]; err != nil {
			list = append(list, preflightError{s.Addr.String(), err.Error()})
		}
	}
	return list
}

func docStatements(edges []preflight.EdgeResult) []PreflightStatement {
	list := []PreflightStatement{}
	for _, s := range preflight.Statements(edges) {
		list = append(list, PreflightStatement{Text: s.String(), From: s.From, To: s.To, Both: s.Both, Ports: s.Ports,
			Verdict: string(s.Verdict), Detail: s.Detail, Edges: s.Edges, Of: s.Of,
			FromHosts: s.FromHosts, ToHosts: s.ToHosts})
	}
	return list
}

func docPorts(edges []preflight.EdgeResult) []preflightPort {
	list := []preflightPort{}
	for _, t := range preflight.Tallies(edges) {
		list = append(list, preflightPort{t.Port, t.Why, t.Edges, t.OK, t.NotProbed, t.Median.Microseconds(), t.Max.Microseconds()})
	}
	return list
}

// docFindings are those of all probes, the worst first.
func docFindings(r PreflightRun) []PreflightFinding {
	list := []PreflightFinding{}
	for _, f := range findings(r) {
		same := slices.IndexFunc(list, func(o PreflightFinding) bool {
			return f.Host != "" && len(o.Hosts) > 0 && o.ID == f.ID && o.Level == string(f.Level) && o.Found == f.Found && o.Expected == f.Expected
		})
		if same >= 0 {
			list[same].Hosts = append(list[same].Hosts, f.Host)
			continue
		}
		d := PreflightFinding{ID: f.ID, Level: string(f.Level), Hosts: []string{}, Title: f.Title, Found: f.Found, Expected: f.Expected, Cause: f.Cause, Do: f.Do}
		if f.Host != "" {
			d.Hosts = append(d.Hosts, f.Host)
		}
		list = append(list, d)
	}
	rank := []string{string(change.Error), string(change.Warning), string(change.Ignored)}
	slices.SortStableFunc(list, func(a, b PreflightFinding) int { return slices.Index(rank, a.Level) - slices.Index(rank, b.Level) })
	return list
}

// findings are those of the probe between hosts, and the other probes' as
// their diffs have them.
func findings(r PreflightRun) []preflight.Finding {
	var list []preflight.Finding
	if r.Report != nil {
		list = append(list, r.Report.Hosts...)
	}
	for _, s := range r.Graph.Steps {
		if s.Addr == plan.Connectivity && r.Report != nil {
			continue
		}
		for _, ch := range r.Diffs[s.Addr] {
			if ch.Level == "" {
				continue
			}
			check, _ := preflight.Find(ch.ID)
			list = append(list, preflight.Finding{ID: ch.ID, Level: ch.Level, Host: s.Addr.Host, Title: check.Title,
				Found: ch.Have, Expected: ch.Want, Do: check.Do})
		}
	}
	return list
}

// nameHosts gives findings that are statements the hosts they are about.
func nameHosts(d *Preflight) {
	for _, s := range d.Statements {
		for i, f := range d.Findings {
			if f.Found != s.Text || len(f.Hosts) > 0 {
				continue
			}
			d.Findings[i].Hosts = s.hosts()
		}
	}
}

// hosts are those that it names.
func (s PreflightStatement) hosts() []string {
	named := slices.Concat(s.FromHosts, s.ToHosts)
	if named == nil && s.Of == 0 {
		named = []string{s.From, s.To}
	}
	hosts := []string{}
	for _, h := range named {
		if h != preflight.Everyone && !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

func docBind(b preflight.BindResult) PreflightBind {
	d := PreflightBind{Host: b.Host, Protocol: b.Proto, Address: b.Addr, Port: b.Port.Port, Unit: b.Unit, Why: b.Why, State: string(b.State), Error: b.Err}
	if b.Holder != nil {
		d.Holder = docHolder(b.Holder)
	}
	return d
}

func docHolder(s *host.Socket) *preflightHolder {
	return &preflightHolder{Process: s.Process, PID: s.PID, Unit: s.Unit, Stopped: s.State == "T", Kernel: s.PID == 0 && s.Process == ""}
}

func docLeft(r PreflightRun, report *preflight.Report) []preflightExcluded {
	edges := map[string]int{}
	for _, l := range report.Absent {
		edges[l.Host] = l.Edges
	}
	list := []preflightExcluded{}
	for _, h := range r.Cluster.Hosts {
		why, left := r.Left[h.Name]
		if !left {
			continue
		}
		d := preflightExcluded{Host: h.Name, Why: why, Edges: edges[h.Name]}
		if err := r.Failed[h.Name]; err != nil {
			d.Error = err.Error()
		}
		list = append(list, d)
	}
	return list
}

// count fills in the summary and the verdict.
func (d *Preflight) count() {
	s := &d.Summary
	s.Hosts, s.LeftOut, s.Edges, s.Ports = len(d.Hosts), len(d.LeftOut), len(d.Edges), len(d.Binds)
	for _, e := range d.Edges {
		switch {
		case e.Verdict == preflight.OK:
			s.OK++
		case e.Verdict == preflight.Lossy:
			s.Lossy++
		case e.Verdict == preflight.NotProbed:
			s.NotProbed++
		default:
			s.Failed++
		}
	}
	for _, b := range d.Binds {
		switch preflight.BindState(b.State) {
		case preflight.Free:
			s.PortsFree++
		case preflight.InUse:
			s.PortsInUse++
		}
	}
	for _, f := range d.Findings {
		n := max(1, len(f.Hosts))
		if slices.ContainsFunc(d.Statements, func(t PreflightStatement) bool { return t.Text == f.Found }) {
			n = 1
		}
		switch change.Level(f.Level) {
		case change.Error:
			s.Errors += n
		case change.Warning:
			s.Warnings += n
		default:
			s.Ignored += n
		}
	}
	switch {
	case s.Errors > 0:
		d.Verdict = "failed"
	case d.ExitCode != 0 || len(d.Errors) > 0:
		d.Verdict = "incomplete"
	default:
		d.Verdict = "passed"
	}
}
