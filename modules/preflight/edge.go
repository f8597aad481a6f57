package preflight

import (
	"fmt"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// A Port is one that a component binds on a host.
type Port struct {
	Proto string `json:"proto"`          // tcp or udp
	Addr  string `json:"addr,omitempty"` // "" is every address
	Port  int    `json:"port"`
	Unit  string `json:"unit,omitempty"` // who should hold it: kubelet.service
	Why   string `json:"why,omitempty"`  // "kubelet API"
	// Kernel says that the kernel holds it on behalf of the unit.
	Kernel bool `json:"kernel,omitempty"`
}

// An Edge is traffic that must pass.
type Edge struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Proto string `json:"proto"` // tcp, udp; icmp: an echo that measures the path; or overlay: one between the hosts' addresses on the pod network
	Port  int    `json:"port"`
	Shape string `json:"shape,omitempty"` // what the datagrams look like; see host.Dial
	Why   string `json:"why,omitempty"`   // "pod network"
}

// String is "worker-2 -> worker-1 8285/udp".
func (e Edge) String() string {
	return fmt.Sprintf("%s -> %s %s", e.From, e.To, portText(e.Proto, e.Port))
}

func portText(proto string, port int) string {
	if port == 0 {
		return proto
	}
	return fmt.Sprintf("%d/%s", port, proto)
}

// A Verdict is what became of an edge.
type Verdict string

// The verdicts. Lossy is a warning; NotProbed says nothing.
const (
	OK         Verdict = "ok"
	Refused    Verdict = "refused"
	Filtered   Verdict = "filtered"
	Prohibited Verdict = "prohibited"
	NoRoute    Verdict = "no route"
	OneWay     Verdict = "one way" // requests arrive, replies do not
	WrongHost  Verdict = "wrong host"
	Lossy      Verdict = "lossy"
	Mute       Verdict = "no answer" // a connection is accepted, then nothing comes
	TooBig     Verdict = "too big"   // large packets do not pass, small ones do
	NotProbed  Verdict = "not probed"
)

// Passes tells if traffic gets through.
func (v Verdict) Passes() bool { return v == OK || v == Lossy }

// Fails tells if it does not.
func (v Verdict) Fails() bool { return !v.Passes() && v != NotProbed }

// An EdgeResult is an edge with its verdict.
type EdgeResult struct {
	Edge
	Verdict Verdict       `json:"verdict"`
	Detail  string        `json:"detail,omitempty"`  // the cause in a few words
	RTT     time.Duration `json:"rtt,omitempty"`     // nanoseconds
	Sent    int           `json:"sent,omitempty"`    // datagrams, or tries of a connection
	Got     int           `json:"got,omitempty"`     // answers to them
	Service bool          `json:"service,omitempty"` // the component itself answered
	Size    int           `json:"size,omitempty"`    // bytes of the full-size datagrams that were tried
	Passes  int           `json:"passes,omitempty"`  // bytes of the largest datagram that passed, where Size did not
}

// String is "worker-2 -> worker-1 8285/udp filtered".
func (r EdgeResult) String() string { return fmt.Sprintf("%s %s", r.Edge, r.Verdict) }

// A BindResult is what came of binding a port.
type BindResult struct {
	Host string `json:"host"`
	Port
	State  BindState    `json:"state"`
	Err    string       `json:"err,omitempty"`
	Holder *host.Socket `json:"holder,omitempty"`
}

// A BindState is who has the port.
type BindState string

// The states. InUse is held by the component that should hold it.
const (
	Free    BindState = "free"
	InUse   BindState = "in use"
	Held    BindState = "held"    // by somebody else
	Stopped BindState = "stopped" // the right component holds it, but its process is stopped
	Failed  BindState = "cannot be bound"
	Unbound BindState = "not probed" // an apply holds the host, or it left
	Busy    BindState = "busy"       // another run of pmkctl probes the host
)

// String is "worker-1 10250/tcp held by python3 (pid 1234)".
func (b BindResult) String() string {
	s := fmt.Sprintf("%s %s", b.Host, portText(b.Proto, b.Port.Port))
	switch b.State {
	case Free, Unbound:
		return s + " " + string(b.State)
	case InUse:
		return s + " in use by " + HolderText(b.Holder)
	case Held, Stopped:
		return s + " held by " + HolderText(b.Holder)
	}
	return s + " cannot be bound: " + b.Err
}

// HolderText is "python3 (pid 1234, unit x.service)".
func HolderText(s *host.Socket) string {
	switch {
	case s == nil:
		return "an unknown process"
	case s.PID == 0 && s.Process == "":
		return "the kernel"
	case s.Unit != "" && s.State == "T":
		return fmt.Sprintf("%s (pid %d, unit %s, stopped)", s.Process, s.PID, s.Unit)
	case s.Unit != "":
		return fmt.Sprintf("%s (pid %d, unit %s)", s.Process, s.PID, s.Unit)
	case s.State == "T":
		return fmt.Sprintf("%s (pid %d, stopped)", s.Process, s.PID)
	}
	return fmt.Sprintf("%s (pid %d)", s.Process, s.PID)
}
