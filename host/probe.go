package host

import (
	"context"
	"time"
)

// Prober finds out if ports can be bound and peers be reached. The three
// calls of one round share an id; between them the caller keeps barriers:
// nobody dials before all listen, nobody ends before all have dialled.
// Nothing of it outlives the agent.
type Prober interface {
	// ProbeListen binds ports and answers what arrives there, until ProbeEnd.
	ProbeListen(ctx context.Context, r ListenRequest) ([]Bind, error)
	// ProbeDial dials peers, all at once, and returns when the last of them
	// answered or ran into its deadline. In the order of r.Dials.
	ProbeDial(ctx context.Context, r DialRequest) ([]Dialled, error)
	// ProbeEnd releases the ports and tells which nonces arrived.
	ProbeEnd(ctx context.Context, id string) ([]Arrival, error)
}

// A ListenRequest begins a round.
type ListenRequest struct {
	ID    string     `json:"id"`
	Ports []PortSpec `json:"ports"`
}

// A PortSpec is a port to bind.
type PortSpec struct {
	Proto string `json:"proto"` // tcp or udp
	Addr  string `json:"addr"`  // "" is every address
	Port  int    `json:"port"`
}

// Bind is what came of binding a port.
type Bind struct {
	PortSpec
	OK     bool    `json:"ok"`
	Err    string  `json:"err,omitempty"`    // "address already in use"
	Holder *Socket `json:"holder,omitempty"` // who holds it, if it is known
	Raw    bool    `json:"raw,omitempty"`    // held, but datagrams to it are seen by a raw socket
}

// A DialRequest is all that one host dials in a round.
type DialRequest struct {
	ID    string        `json:"id"`
	From  string        `json:"from"` // source address; "" leaves it to the routes
	Dials []Dial        `json:"dials"`
	Wait  time.Duration `json:"wait"` // for each dial; a datagram is sent again every 40 ms or so meanwhile
}

// A Dial is one edge, seen from its start.
type Dial struct {
	Proto   string `json:"proto"`
	Addr    string `json:"addr"`
	Port    int    `json:"port"`
	Nonce   string `json:"nonce"`             // 16 hex digits, unique in the round
	Service bool   `json:"service,omitempty"` // the real service listens there: a TCP connect is enough, no echo
	OneWay  bool   `json:"one_way,omitempty"` // no echo can come (the peer listens raw): send only
	Size    int    `json:"size,omitempty"`    // of a datagram with its headers, don't-fragment set; 0 is small
	Shape   string `json:"shape,omitempty"`   // what the payload looks like: "", vxlan, flannel-udp
}

// Outcome is how a dial ended.
type Outcome string

// The outcomes. Filtered is silence; Prohibited and Unreachable were said by
// ICMP; TooBig means a size that the path does not carry.
const (
	OK          Outcome = "ok"
	Refused     Outcome = "refused"
	Filtered    Outcome = "filtered"
	Prohibited  Outcome = "prohibited"
	Unreachable Outcome = "no route"
	WrongHost   Outcome = "answered by another host"
	TooBig      Outcome = "too big"
	Sent        Outcome = "sent" // one way: whether it arrived, the peer knows
)

// Dialled is what came of a dial.
type Dialled struct {
	Nonce   string        `json:"nonce"`
	Outcome Outcome       `json:"outcome"`
	RTT     time.Duration `json:"rtt,omitempty"`
	Sent    int           `json:"sent,omitempty"` // datagrams
	Got     int           `json:"got,omitempty"`  // echoes
	MTU     int           `json:"mtu,omitempty"`  // of the path, if the kernel learnt it
	Detail  string        `json:"detail,omitempty"`
}

// Arrival is a nonce that reached a listener.
type Arrival struct {
	Nonce string `json:"nonce"`
	From  string `json:"from"` // the source address seen
	Port  int    `json:"port"` // the one it arrived at
	Proto string `json:"proto"`
	Count int    `json:"count"`
}
