package preflight

import (
	"fmt"
	"slices"
	"time"
)

// A Tally counts the edges of one port by verdict.
type Tally struct {
	Port      string        `json:"port"` // "8285/udp"
	Why       string        `json:"why,omitempty"`
	Edges     int           `json:"edges"`
	OK        int           `json:"ok"` // those that pass
	NotProbed int           `json:"not_probed,omitempty"`
	Median    time.Duration `json:"median"` // round trip, nanoseconds
	Max       time.Duration `json:"max"`
}

// String is "all 6 pairs 8285/udp ok" or "4 of 6 pairs 8285/udp ok".
func (t Tally) String() string {
	if t.OK == t.Edges && t.Edges == 1 {
		return fmt.Sprintf("the one pair %s ok", t.Port)
	}
	if t.OK == t.Edges {
		return fmt.Sprintf("all %d pairs %s ok", t.Edges, t.Port)
	}
	s := fmt.Sprintf("%d of %d pairs %s ok", t.OK, t.Edges, t.Port)
	if t.NotProbed > 0 {
		s += fmt.Sprintf(", %d not probed", t.NotProbed)
	}
	return s
}

// Tallies counts the edges by port, in the order in which ports appear.
func Tallies(edges []EdgeResult) []Tally {
	var out []Tally
	at := map[portKey]int{}
	var times [][]time.Duration
	for _, e := range edges {
		port := portKey{e.Proto, e.Port}
		i, ok := at[port]
		if !ok {
			i = len(out)
			at[port] = i
			out, times = append(out, Tally{Port: portText(e.Proto, e.Port), Why: e.Why}), append(times, nil)
		}
		t := &out[i]
		t.Edges++
		switch {
		case e.Verdict.Passes():
			t.OK++
			times[i] = append(times[i], e.RTT)
		case e.Verdict == NotProbed:
			t.NotProbed++
		}
	}
	for i := range out {
		if ts := times[i]; len(ts) > 0 {
			slices.Sort(ts)
			out[i].Median, out[i].Max = ts[(len(ts)-1)/2], ts[len(ts)-1]
		}
	}
	return out
}
