package document

import (
	"slices"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/wording"
)

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
	for _, f := range preflight.WorstFirst(findings(r)) {
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
	return list
}

// findings returns those of the probe between hosts, then those of the other
// probes.
func findings(r PreflightRun) []preflight.Finding {
	var list []preflight.Finding
	if r.Report != nil {
		list = append(list, r.Report.Hosts...)
	}
	for _, s := range r.Graph.Steps {
		if s.Addr == plan.Connectivity && r.Report != nil {
			continue
		}
		list = append(list, r.Findings[s.Addr]...)
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
		switch preflight.Level(f.Level) {
		case preflight.Error:
			s.Errors += n
		case preflight.Warning:
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
