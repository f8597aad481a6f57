package preflight

import (
	"fmt"
	"time"
)

// A Port is a port that a component binds on a host.
type Port struct {
	Proto string `json:"proto"`          // tcp or udp
	Addr  string `json:"addr,omitempty"` // "" is every address
	Port  int    `json:"port"`
	Unit  string `json:"unit,omitempty"` // that should hold it: kubelet.service
	Why   string `json:"why,omitempty"`  // "kubelet API"
	// Kernel means that the kernel holds the port on behalf of the unit.
	Kernel bool `json:"kernel,omitempty"`
}

// An Edge is traffic that must pass from one host to another.
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

// A Verdict is what the probe found about an edge.
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

// Passes reports whether traffic gets through.
func (v Verdict) Passes() bool { return v == OK || v == Lossy }

// Fails reports whether traffic does not get through. An edge that was not
// probed neither passes nor fails.
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
