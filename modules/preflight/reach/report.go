package reach

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/modules/preflight"
)

// report judges everything that the round learned.
func (r *round) report() *preflight.Report {
	rep := &preflight.Report{}
	rep.Absent = r.absentHosts()
	for _, name := range r.names {
		rep.Binds = append(rep.Binds, r.peers[name].bindResults()...)
	}
	came := r.arrivals()
	rep.Edges = make([]preflight.EdgeResult, 0, len(r.edges))
	for _, e := range r.edges {
		rep.Edges = append(rep.Edges, r.judge(e, came))
	}
	explain(rep.Edges)
	rep.Hosts = append(rep.Hosts, r.hostFindings()...)
	rep.Hosts = append(rep.Hosts, bindFindings(rep.Binds)...)
	rep.MTU = r.pathMTU(rep.Edges)
	rep.Hosts = append(rep.Hosts, r.edgeFindings(rep)...)
	rep.Hosts = append(rep.Hosts, r.translated(came)...)
	rep.Hosts = append(rep.Hosts, r.clocks()...)
	rep.Hosts = append(rep.Hosts, r.twins()...)
	r.Levels.Apply(rep.Hosts)
	return rep
}

func (r *round) absentHosts() []preflight.Absent {
	count := map[string]int{}
	for _, e := range r.edges {
		for _, name := range []string{e.From, e.To} {
			if r.peers[name] == nil {
				count[name]++
			}
		}
	}
	for name := range r.Absent {
		count[name] += 0
	}
	var out []preflight.Absent
	for name, n := range count {
		why := r.Absent[name]
		if why == "" {
			why = "not reached"
		}
		out = append(out, preflight.Absent{Host: name, Why: why, Edges: n})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Host < out[j].Host })
	return out
}

func (r *round) hostFindings() []preflight.Finding {
	var out []preflight.Finding
	unsure := r.unsure()
	for _, name := range r.names {
		p := r.peers[name]
		switch {
		case p.err != nil:
			out = append(out, preflight.NewFinding(preflight.HostLost, name, fmt.Sprintf("%s left during the probe: %v", name, p.err), ""))
		case p.lock != nil:
			out = append(out, preflight.NewFinding(preflight.HostLocked, name, fmt.Sprintf("%s is held by %s since %s for %s: nothing was bound there",
				name, p.lock.Who, p.lock.Since.Format(time.RFC3339), p.lock.For), ""))
		case r.later(name, r.Wait/4) && r.silentAt(name):
			out = append(out, preflight.NewFinding(preflight.Overload, name, fmt.Sprintf("%s heard itself only after %s", name, p.self.RTT.Round(time.Millisecond)), ""))
		case unsure[name] > 0:
			out = append(out, preflight.NewFinding(preflight.Overload, name, fmt.Sprintf("%s got requests on %d edges and answered too late to tell if answers pass", name, unsure[name]), ""))
		}
	}
	return out
}

func (r *round) silentAt(name string) bool {
	for _, e := range r.edges {
		if (e.From == name || e.To == name) && e.dialled && e.res.Outcome == host.Filtered {
			return true
		}
	}
	return false
}

// unsure counts, by host, the edges to the host whose silence may be its
// load.
func (r *round) unsure() map[string]int {
	out := map[string]int{}
	for _, e := range r.edges {
		if e.unsure {
			out[e.To]++
		}
	}
	return out
}

func (r *round) edgeFindings(rep *preflight.Report) []preflight.Finding {
	var out []preflight.Finding
	for _, s := range preflight.Statements(rep.Edges) {
		id := preflight.Unreached
		switch {
		case s.Verdict == preflight.Lossy:
			id = preflight.Loss
		case s.Verdict == preflight.TooBig:
			id = preflight.SmallPath
		case slices.Equal(s.Ports, []string{overlayProto}):
			id = preflight.OverlayDown
		}
		f := preflight.NewFinding(id, "", s.String(), "")
		f.Cause = s.Detail
		if id == preflight.SmallPath {
			f.Expected, f.Do = advice(rep.MTU)
		}
		out = append(out, f)
	}
	return out
}

// translated finds hosts that other hosts see under another address.
func (r *round) translated(came arrivals) []preflight.Finding {
	seen := map[string]bool{}
	var out []preflight.Finding
	for _, e := range r.edges {
		for _, p := range came.nonces[e.index] {
			if p.from == r.Addresses[e.From] {
				continue
			}
			text := fmt.Sprintf("%s is seen as %s, not %s, by %s", e.From, p.from, r.Addresses[e.From], p.host)
			if seen[text] {
				continue
			}
			seen[text] = true
			out = append(out, preflight.NewFinding(preflight.Translated, e.From, text, ""))
		}
	}
	return out
}
