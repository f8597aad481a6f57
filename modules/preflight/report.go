package preflight

import "time"

// A Report is what the probe over all hosts found.
type Report struct {
	Binds  []BindResult  `json:"binds"`         // by host, then as asked for
	Edges  []EdgeResult  `json:"edges"`         // in the order in which they were given
	Hosts  []Finding     `json:"hosts"`         // all that is wrong, failing edges too
	MTU    *PathMTU      `json:"mtu,omitempty"` // nil unless the pod network is an overlay
	Absent []Absent      `json:"left,omitempty"`
	Took   time.Duration `json:"took"` // nanoseconds, of the probe
}

// PathMTU compares what the paths between the hosts carry with the MTU that
// flannel assumes.
type PathMTU struct {
	Path     int `json:"path"`     // bytes that pass between all pairs
	Overhead int `json:"overhead"` // of the network backend
	Overlay  int `json:"overlay"`  // the MTU that the pod network can have: Path less Overhead
	Flannel  int `json:"flannel"`  // the MTU that flannel assumes: the largest MTU of an interface, less Overhead
}

// Absent is a host that was not probed, nor were its edges.
type Absent struct {
	Host  string `json:"host"`
	Why   string `json:"why"`   // Unreachable, "excluded", ...
	Edges int    `json:"edges"` // that went unprobed
}

// Unreachable is why a host is absent that did not answer.
const Unreachable = "unreachable"

// Failing returns the edges that do not pass.
func (r *Report) Failing() []EdgeResult {
	var out []EdgeResult
	for _, e := range r.Edges {
		if e.Verdict.Fails() {
			out = append(out, e)
		}
	}
	return out
}
