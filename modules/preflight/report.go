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
