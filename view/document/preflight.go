package document

import (
	"fmt"
	"iter"
	"time"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/modules/preflight"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
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
	Findings map[address.Addr][]preflight.Finding
	Errs     map[address.Addr]error
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
