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

// PreflightVersion is the version of Preflight. An addition raises the number
// behind the dot, a change that breaks readers the one before it.
const PreflightVersion = "1.0"

// PreflightRun is a run of preflight and its result.
type PreflightRun struct {
	Program  string // version of pmkctl
	Cluster  *spec.Cluster
	Began    time.Time
	Graph    *plan.Graph
	Diffs    map[address.Step]change.Diff
	Errs     map[address.Step]error
	Report   *preflight.Report // nil if the probe between hosts was interrupted
	Absent   map[string]string // hosts that are not in the run, and why
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
	MTU        *preflight.PathMTU   `json:"mtu"` // null if the pod network is no overlay, or nothing was measured
	Absent     []preflightAbsent    `json:"left_out"`
	Errors     []preflightError     `json:"errors"` // of checks that did not end
	Hosts      []preflightHost      `json:"hosts"`
	Ports      []preflightPort      `json:"ports"`
	Binds      []PreflightBind      `json:"binds"`
	Edges      preflightEdges       `json:"edges"`
}

// preflightSummary counts what the document has.
type preflightSummary struct {
	Hosts      int `json:"hosts"` // of the spec
	Absent     int `json:"left_out"`
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

// PreflightStatement says what is wrong between hosts, for as many of them as
// share it.
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

	FromHosts []string `json:"from_hosts,omitempty"` // if from and to stand for several hosts
	ToHosts   []string `json:"to_hosts,omitempty"`
}

// PreflightFinding is what a check found, with all hosts on which it found the
// same.
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

// preflightAbsent is a host that is not in the run.
type preflightAbsent struct {
	Host  string `json:"host"`
	Why   string `json:"why"`
	Error string `json:"error,omitempty"`
	Edges int    `json:"edges"`
}

// preflightError is a check that failed to run.
type preflightError struct {
	Step  string `json:"step"`
	Error string `json:"error"`
}

// preflightPort counts the edges to one port by result.
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
	Address  string           `json:"address,omitempty"` // "" for all addresses
	Port     int              `json:"port"`
	Unit     string           `json:"unit,omitempty"` // that should hold it
	Why      string           `json:"why,omitempty"`
	State    string           `json:"state"`
	Error    string           `json:"error,omitempty"`
	Holder   *preflightHolder `json:"holder,omitempty"`
}

// preflightHolder is the process that holds a port.
type preflightHolder struct {
	Process string `json:"process,omitempty"`
	PID     int    `json:"pid,omitempty"`
	Unit    string `json:"unit,omitempty"`
	Stopped bool   `json:"stopped"`
	Kernel  bool   `json:"kernel"`
}

// PreflightEdge is traffic that must pass, and the result of its probe.
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

// Name returns the port as statements write it: "8285/udp".
func (e PreflightEdge) Name() string {
	if e.Port == 0 {
		return e.Protocol
	}
	return fmt.Sprintf("%d/%s", e.Port, e.Protocol)
}

// preflightEdges are the edges of a report. There may be millions, so that
// each is made into a PreflightEdge only when it is needed.
type preflightEdges []preflight.EdgeResult

// All returns the edges in order.
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

// NewPreflight returns the document of a run.
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
	d.Absent = docAbsent(r, report)
	for _, h := range r.Cluster.Hosts {
		_, absent := r.Absent[h.Name]
		d.Hosts = append(d.Hosts, preflightHost{h.Name, h.Address.String(), wording.Roles(h), !absent})
	}
	d.count()
	return d
}

// unprobed is the report of a probe that was interrupted.
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

// docFindings returns the findings of all probes, the worst first.
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

// findings returns those of the probe between hosts, and those that the
// diffs of the other probes have.
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

// nameHosts sets the hosts of findings that are statements.
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

// hosts returns the hosts that a statement names.
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

func docAbsent(r PreflightRun, report *preflight.Report) []preflightAbsent {
	edges := map[string]int{}
	for _, l := range report.Absent {
		edges[l.Host] = l.Edges
	}
	list := []preflightAbsent{}
	for _, h := range r.Cluster.Hosts {
		why, absent := r.Absent[h.Name]
		if !absent {
			continue
		}
		d := preflightAbsent{Host: h.Name, Why: why, Edges: edges[h.Name]}
		if err := r.Failed[h.Name]; err != nil {
			d.Error = err.Error()
		}
		list = append(list, d)
	}
	return list
}

// count sets the summary and the verdict.
func (d *Preflight) count() {
	s := &d.Summary
	s.Hosts, s.Absent, s.Edges, s.Ports = len(d.Hosts), len(d.Absent), len(d.Edges), len(d.Binds)
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
