package hosttest

import (
	"net/netip"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

// A Rule does something to traffic. Empty fields match everything. The first
// rule that matches counts.
type Rule struct {
	From, To string // hosts
	Proto    string
	Port     int // the port that is dialled
	Over     int // only datagrams larger than this, if not 0
	Do       Effect
	Times    int           // how often the rule matches; 0 is always
	By       time.Duration // delay of Late
	used     int
}

// An Effect is what a rule does.
type Effect int

// The effects.
const (
	Drop        Effect = iota // nothing arrives, and silence
	DropReplies               // it arrives, its answer does not
	Refuse                    // RST, or ICMP port unreachable
	Prohibit                  // ICMP administratively prohibited
	NoRoute                   // ICMP host unreachable
	Lose                      // one in five is lost, and resends arrive
	Swallow                   // something on the way accepts a TCP connection, then silence
	Late                      // it arrives, and the answer comes after By: silence to a dialler that waits less
)

// Add appends a rule.
func (n *Net) Add(r Rule) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rules = append(n.rules, &r)
}

// Clear removes all rules and claims.
func (n *Net) Clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rules, n.claims = nil, nil
}

// Claim makes a host answer at the address of another host.
func (n *Net) Claim(addr, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.claims == nil {
		n.claims = map[netip.Addr]string{}
	}
	n.claims[netip.MustParseAddr(addr)] = name
}

func (r *Rule) matches(p Pair, size int) bool {
	hit := (r.From == "" || r.From == p.From) && (r.To == "" || r.To == p.To) &&
		(r.Proto == "" || r.Proto == p.Proto) && (r.Port == 0 || r.Port == p.Port)
	if !hit || r.Over > 0 && size <= r.Over || r.Times > 0 && r.used >= r.Times {
		return false
	}
	r.used++
	return true
}

func (r *Rule) apply(d host.Dial, wait time.Duration, arrive func(half, prompt bool)) host.Dialled {
	tries := 6
	if d.Proto == "udp" {
		tries = 18
	}
	res := host.Dialled{Outcome: host.Filtered, Sent: tries}
	if d.Proto == "tcp" {
		res.Ports = []int{sourcePort}
	}
	switch r.Do {
	case DropReplies:
		arrive(d.Proto == "tcp", true)
	case Refuse:
		res = host.Dialled{Outcome: host.Refused, Sent: 1, By: d.Addr}
	case Prohibit:
		res = host.Dialled{Outcome: host.Prohibited, Sent: 1, By: d.Addr, Detail: "ICMP administratively prohibited"}
	case NoRoute:
		res = host.Dialled{Outcome: host.Unreachable, Sent: 1, Detail: "ICMP host unreachable"}
	case Lose:
		arrive(false, true)
		n := max(d.Count, 5)
		res = host.Dialled{Outcome: host.OK, RTT: rtt, Sent: n, Got: n - n/5}
	case Swallow:
		res.Outcome = host.Silent
	case Late:
		arrive(false, r.By <= host.Promptly)
		switch {
		case r.By <= wait:
			res = host.Dialled{Outcome: host.OK, RTT: r.By, Sent: 1, Got: 1}
		case d.Proto == "tcp":
			res.Outcome = host.Silent
		}
	}
	return res
}
