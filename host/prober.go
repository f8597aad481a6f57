package host

import (
	"context"
	"time"
)

// Prober finds out which ports can be bound and which peers can be reached.
// The calls of one round share an id. The caller keeps barriers between them:
// no host dials before all hosts listen, and no host ends the round before
// all have dialled. The agent's end ends a round, and so does a minute
// without ProbeEnd. None of the calls changes the host.
type Prober interface {
	// ProbeListen binds ports and answers what arrives there until ProbeEnd.
	// Results are in the order of r.Ports. A port that cannot be bound is no
	// error. It may be called again in a round to bind more ports.
	ProbeListen(ctx context.Context, r ListenRequest) ([]Bind, error)
	// ProbeDial dials all peers at once, and returns when each has answered
	// or its time is over. Results are in the order of r.Dials. It may be
	// called again in a round: a late answer to a datagram of an earlier call
	// counts too.
	ProbeDial(ctx context.Context, r DialRequest) ([]Dialled, error)
	// ProbeSeen returns what has arrived so far, including what waits in
	// sockets and backlogs. The round goes on.
	ProbeSeen(ctx context.Context, r SeenRequest) ([]Arrival, error)
	// ProbeEnd ends a round, releases its ports and returns what arrived. An
	// id of a round that has ended or never began is no error.
	ProbeEnd(ctx context.Context, id string) ([]Arrival, error)
}

// A ListenRequest begins a round.
type ListenRequest struct {
	ID    string     `json:"id"`   // random: a dialler that does not know it gets no echo
	Host  string     `json:"host"` // name of the host that listens; every echo has it, so an answer by another host is recognized
	Ports []PortSpec `json:"ports"`
}

// A SeenRequest asks for a part of what arrived.
type SeenRequest struct {
	ID     string   `json:"id"`
	Nonces []string `json:"nonces"`         // return only these, to keep the answer small
	Half   bool     `json:"half,omitempty"` // also connections that are half open now; costs milliseconds
}

// A PortSpec is a port to bind.
type PortSpec struct {
	Proto string `json:"proto"` // tcp or udp
	Addr  string `json:"addr"`  // "" is every address
	Port  int    `json:"port"`
	Unit  string `json:"unit,omitempty"` // unit that may hold it; its processes are searched first
}

// Bind is the result of binding a port.
type Bind struct {
	PortSpec         // with the port that was chosen if the request had none
	OK       bool    `json:"ok"`
	Err      string  `json:"err,omitempty"`    // "address already in use"
	Holder   *Socket `json:"holder,omitempty"` // socket that holds the port, if known
	Raw      bool    `json:"raw,omitempty"`    // another socket holds the port, but a raw socket sees and echoes datagrams to it
	Busy     bool    `json:"busy,omitempty"`   // another run is probing the host; try again
}

// A DialRequest is all that one host dials in a round.
type DialRequest struct {
	ID    string        `json:"id"`
	From  string        `json:"from"` // source address; "" leaves it to the routes
	Dials []Dial        `json:"dials"`
	Wait  time.Duration `json:"wait"` // for each dial; a datagram is sent again about every 40 ms in the first half of it
	Most  time.Duration `json:"most"` // for each dial, if other answers still arrive; 0 is Wait
}

// A Dial is one connection or series of datagrams to a peer.
type Dial struct {
	Proto   string `json:"proto"` // tcp, udp or icmp; an ICMP echo comes from the peer's kernel, not from a listener, and has no name
	Addr    string `json:"addr"`
	Port    int    `json:"port"`
	Host    string `json:"host,omitempty"`    // name of the host that should answer
	Nonce   string `json:"nonce"`             // 16 hex digits, unique in the round
	Self    bool   `json:"self,omitempty"`    // dial this host itself over the loopback while the other dials run; RTT is the longest one, and shows load that looks like a firewall
	Service bool   `json:"service,omitempty"` // the real service listens there: a TCP connect is enough, no echo
	OneWay  bool   `json:"one_way,omitempty"` // no echo can come (the peer listens raw): send only
	Count   int    `json:"count,omitempty"`   // least number of datagrams, to measure loss or load; fewer than 2 is one datagram that is sent again until its echo comes
	Size    int    `json:"size,omitempty"`    // bytes of a datagram with its headers, sent with don't-fragment; 0 is a small datagram
	Shape   string `json:"shape,omitempty"`   // traffic that the payload imitates: "", vxlan, flannel-udp, wireguard
}

// DialOutcome is how a dial ended.
type DialOutcome string

// The outcomes. Filtered is silence. Prohibited and Unreachable come from
// ICMP messages. TooBig means that the path does not carry datagrams of that
// size.
const (
	OK          DialOutcome = "ok"
	Refused     DialOutcome = "refused"
	Filtered    DialOutcome = "filtered"
	Prohibited  DialOutcome = "prohibited"
	Unreachable DialOutcome = "no route"
	WrongHost   DialOutcome = "answered by another host"
	Silent      DialOutcome = "accepted, then silence" // a TCP connection was made but no listener of the round answered
	TooBig      DialOutcome = "too big"
	Sent        DialOutcome = "sent" // one way: only the peer knows whether it arrived
)

// Dialled is the result of a dial.
type Dialled struct {
	Nonce   string        `json:"nonce"`
	Outcome DialOutcome   `json:"outcome"`
	RTT     time.Duration `json:"rtt,omitempty"`
	Sent    int           `json:"sent,omitempty"` // datagrams
	Got     int           `json:"got,omitempty"`  // echoes
	MTU     int           `json:"mtu,omitempty"`  // of the path, if the kernel has learnt it
	By      string        `json:"by,omitempty"`   // host that answered in place of Dial.Host, or address that sent the ICMP message
	Detail  string        `json:"detail,omitempty"`
	Ports   []int         `json:"ports,omitempty"`  // source ports of connection attempts without an answer
	Kernel  time.Duration `json:"kernel,omitempty"` // of a Self dial: longest time of a datagram in the kernel alone, which answers connections and queues datagrams while processes wait
	Now     time.Time     `json:"now,omitzero"`     // of a Self dial: the host's clock at its end
	Took    time.Duration `json:"took,omitempty"`   // of a Self dial: time from the arrival of the request to Now
}

// Arrival is a nonce that reached a listener. If Half is set it is a TCP
// connection that was requested and never completed, and has no nonce: the
// request arrived, but the answer to it did not get back.
type Arrival struct {
	Nonce    string `json:"nonce,omitempty"`
	Half     bool   `json:"half,omitempty"`
	From     string `json:"from"`                // the source address seen
	FromPort int    `json:"from_port,omitempty"` // of Half
	Port     int    `json:"port"`                // port at which it arrived
	Proto    string `json:"proto"`
	Count    int    `json:"count"`
	// Prompt is how many of Count the listener, or the kernel in its place,
	// answered within Promptly of their arrival at the host. The others were
	// answered late, which a dialler may take for silence.
	Prompt int `json:"prompt"`
}

// Promptly is the time in which a listener answers if its host is not short
// of processor time.
const Promptly = 50 * time.Millisecond
