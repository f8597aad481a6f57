package preflight

import "time"

// A Report is what Connectivity found, for people and programs to read.
type Report struct {
	Binds []BindResult  `json:"binds"`         // by host, then as asked for
	Edges []EdgeResult  `json:"edges"`         // in the order of the edges given
	Hosts []Finding     `json:"hosts"`         // everything that is wrong, connectivity too
	MTU   *PathMTU      `json:"mtu,omitempty"` // where the pod network is an overlay
	Left  []LeftOut     `json:"left,omitempty"`
	Took  time.Duration `json:"took"` // nanoseconds, of the probe
}

// PathMTU compares what the paths between the hosts carry with what flannel
// would take for granted.
type PathMTU struct {
	Path     int `json:"path"`     // bytes that pass between all pairs
	Overhead int `json:"overhead"` // of the network backend
	Overlay  int `json:"overlay"`  // the MTU that the pod network can have: path less overhead
	Flannel  int `json:"flannel"`  // the one that flannel takes: the interfaces' MTU less overhead, the largest
}

// LeftOut is a host whose pairs were not probed.
type LeftOut struct {
	Host  string `json:"host"`
	Why   string `json:"why"`   // "unreachable", "excluded"
	Edges int    `json:"edges"` // that went unprobed
}

// Failing are the edges that do not pass.
func (r *Report) Failing() []EdgeResult {
	var out []EdgeResult
	for _, e := range r.Edges {
		if e.Verdict.Fails() {
			out = append(out, e)
		}
	}
	return out
}
