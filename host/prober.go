package host

import (
	"context"
	"time"
)

// Prober finds out if ports can be bound and peers be reached. The calls of
// one round share an id; between them the caller keeps barriers: nobody dials
// before all listen, nobody ends before all have dialled.
// Nothing of it outlives the agent, and a round that nobody ends is over
// after a minute. None of it is a change of the host.
type Prober interface {
	// ProbeListen binds ports and answers what arrives there, until
	// ProbeEnd. In the order of r.Ports. A port that cannot be bound is no
	// error. It may be called again in a round, to bind more.
	ProbeListen(ctx context.Context, r ListenRequest) ([]Bind, error)
	// ProbeDial dials peers, all at once, and returns when the last of them
	// answered or ran into its deadline. In the order of r.Dials. It may be
	// called again in a round: an answer to a datagram of an earlier call
	// that comes late is an answer still.
	ProbeDial(ctx context.Context, r DialRequest) ([]Dialled, error)
	// ProbeSeen tells what arrived so far, with what waits to be read in
	// sockets and backlogs. The round goes on.
	ProbeSeen(ctx context.Context, r SeenRequest) ([]Arrival, error)
	// ProbeEnd releases the ports and tells what arrived. An id that is over
	// or was never begun is no error.
	ProbeEnd(ctx context.Context, id string) ([]Arrival, error)
}

// A ListenRequest begins a round.
type ListenRequest struct {
	ID    string     `json:"id"`   // random: who does not know it gets no echo
	Host  string     `json:"host"` // who listens; said in every echo, so that an answer by another host shows
	Ports []PortSpec `json:"ports"`
}

// A SeenRequest asks for some of what arrived.
type SeenRequest struct {
	ID     string   `json:"id"`
	Nonces []string `json:"nonces"`         // the rest is not told, so that the answer is small
	Half   bool     `json:"half,omitempty"` // connections too that are half open now; costs milliseconds
}

// A PortSpec is a port to bind.
type PortSpec struct {
	Proto string `json:"proto"` // tcp or udp
	Addr  string `json:"addr"`  // "" is every address
	Port  int    `json:"port"`
	Unit  string `json:"unit,omitempty"` // who may hold it: looked at first
}

// Bind is what came of binding a port.
type Bind struct {
	PortSpec         // the port that was chosen, where that was left open
	OK       bool    `json:"ok"`
	Err      string  `json:"err,omitempty"`    // "address already in use"
	Holder   *Socket `json:"holder,omitempty"` // who holds it, if it is known
	Raw      bool    `json:"raw,omitempty"`    // held, but datagrams to it are seen and echoed by a raw socket
	Busy     bool    `json:"busy,omitempty"`   // another run probes the host at this moment: try again
}

// A DialRequest is all that one host dials in a round.
type DialRequest struct {
	ID    string        `json:"id"`
	From  string        `json:"from"` // source address; "" leaves it to the routes
	Dials []Dial        `json:"dials"`
	Wait  time.Duration `json:"wait"` // for each dial; a datagram is sent again every 40 ms or so in the first half of it
	Most  time.Duration `json:"most"` // for each dial, while other answers still come; 0 is Wait
}

// A Dial is one edge, seen from its start.
type Dial struct {
	Proto   string `json:"proto"` // tcp, udp; icmp is an echo by the kernel there, which no listener and no name shows
	Addr    string `json:"addr"`
	Port    int    `json:"port"`
	Host    string `json:"host,omitempty"`    // who should answer
	Nonce   string `json:"nonce"`             // 16 hex digits, unique in the round
	Self    bool   `json:"self,omitempty"`    // dial nobody but oneself over the loopback, as long as the others take; RTT is then the longest: load is not a firewall
	Service bool   `json:"service,omitempty"` // the real service listens there: a TCP connect is enough, no echo
	OneWay  bool   `json:"one_way,omitempty"` // no echo can come (the peer listens raw): send only
	Count   int    `json:"count,omitempty"`   // datagrams to send at least, to see loss, or load; fewer than 2 is one that is sent again until it is echoed
	Size    int    `json:"size,omitempty"`    // of a datagram with its headers, don't-fragment set; 0 is small
	Shape   string `json:"shape,omitempty"`   // what the payload looks like: "", vxlan, flannel-udp, wireguard
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
	Silent      Outcome = "accepted, then silence" // a TCP connection that no listener of the round answered
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
	By      string        `json:"by,omitempty"`   // who answered, if not the one who should; or whose ICMP it was
	Detail  string        `json:"detail,omitempty"`
	Ports   []int         `json:"ports,omitempty"`  // source ports of connections that were asked for in vain
	Kernel  time.Duration `json:"kernel,omitempty"` // of a dial to oneself: how long the kernel alone took at most, which answers connections and takes in datagrams while processes wait
	Now     time.Time     `json:"now,omitzero"`     // of a dial to oneself: the host's clock at its end
	Took    time.Duration `json:"took,omitempty"`   // of a dial to oneself: from the request's coming to Now
}

// Arrival is a nonce that reached a listener. Half is a TCP connection that
// was asked for and never completed, so that there is no nonce: the request
// came, the answer to it did not get back.
type Arrival struct {
	Nonce    string `json:"nonce,omitempty"`
	Half     bool   `json:"half,omitempty"`
	From     string `json:"from"`                // the source address seen
	FromPort int    `json:"from_port,omitempty"` // of Half
	Port     int    `json:"port"`                // the one it arrived at
	Proto    string `json:"proto"`
	Count    int    `json:"count"`
	// Prompt is how many of them the listener, or the kernel for it, had
	// answered within Promptly of their arrival at the host. The others were
	// answered late, which may look like silence.
	Prompt int `json:"prompt"`
}

// Promptly is how soon a listener answers that is not short of processors.
const Promptly = 50 * time.Millisecond
