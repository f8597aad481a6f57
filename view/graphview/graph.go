package graphview

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/plan/saved"
)

// What a node does, beside the actions of package modules. A graph that is
// not a plan's has "" for all nodes.
const (
	Nothing change.Action = "none"  // there is nothing to change
	Later   change.Action = "later" // known only after another step
	Left    change.Action = "left"  // something to change, and left out of the plan
)

// A Graph is steps and what they wait for, to be drawn.
type Graph struct {
	Nodes     []Node
	Edges     []Edge // by To, then From
	Planned   bool   // it shows what the steps do
	Collapsed bool   // a node is a module with all its hosts
}

// A Node is a step, or all steps of a module.
type Node struct {
	ID     string // the address of the step, or the module
	Module string
	Host   string // "" for a step over all hosts, and for all hosts of a module
	Kind   saved.StepKind
	Action change.Action // Update if the steps of a module do different things
	Source hcl.Range     // the block that asked for it, or the first of several
	Rank   int           // column; 0 is what waits for nothing

	Steps []address.Addr        // that it is, in plan order
	Does  map[change.Action]int // how many of them do what
}

// An Edge goes from a node to one that waits for it.
type Edge struct {
	From, To int  // in Nodes
	Implied  bool // other edges say the same; pictures omit it
	Turn     bool // hosts take turns: it leads back to an earlier column
}

// New is the graph of all steps. Planned says that they were checked.
func New(steps []saved.Step, planned bool) *Graph {
	g := &Graph{Planned: planned}
	at := map[address.Addr]int{}
	for i, s := range steps {
		at[s.Addr] = i
		n := Node{ID: s.Addr.String(), Module: s.Addr.Module, Host: s.Addr.Host, Kind: s.Kind, Source: s.Source, Steps: []address.Addr{s.Addr}}
		if planned {
			n.Action = action(s)
			n.Does = map[change.Action]int{n.Action: 1}
		}
		g.Nodes = append(g.Nodes, n)
		for _, a := range s.After {
			if from, ok := at[a]; ok {
				g.Edges = append(g.Edges, Edge{From: from, To: i})
			}
		}
	}
	g.finish()
	return g
}

func action(s saved.Step) change.Action {
	if s.Excluded != nil && s.Excluded.Pending {
		return Left
	}
	if s.Kind != saved.Module || len(s.Diff) == 0 {
		return Nothing
	}
	return cmp.Or(change.Diff(s.Diff).Action(), Later)
}

// Collapse is the graph of modules, each with all its hosts.
func (g *Graph) Collapse() *Graph {
	out := &Graph{Planned: g.Planned, Collapsed: true}
	at, of := map[string]int{}, make([]int, len(g.Nodes))
	for i, n := range g.Nodes {
		m, ok := at[n.Module]
		if !ok {
			m = len(out.Nodes)
			at[n.Module] = m
			out.Nodes = append(out.Nodes, Node{ID: n.Module, Module: n.Module, Kind: n.Kind, Action: n.Action, Source: n.Source, Does: map[change.Action]int{}})
		}
		of[i] = m
		out.Nodes[m].join(n)
	}
	turn := map[Edge]bool{}
	for _, e := range g.Edges {
		k := Edge{From: of[e.From], To: of[e.To]}
		if was, ok := turn[k]; !ok || was {
			turn[k] = e.Turn
		}
	}
	for k, t := range turn {
		k.Turn = t
		out.Edges = append(out.Edges, k)
	}
	out.finish()
	return out
}

// join takes a step into the node of its module.
func (n *Node) join(s Node) {
	n.Steps = append(n.Steps, s.Steps...)
	for a, count := range s.Does {
		n.Does[a] += count
	}
	switch {
	case s.Action == n.Action, s.Action == Nothing:
	case n.Action == Nothing:
		n.Action = s.Action
	default:
		n.Action = change.Update
	}
}

// Hosts are those of a node's steps, in plan order.
func (n *Node) Hosts() []string {
	var list []string
	for _, s := range n.Steps {
		if s.Host != "" {
			list = append(list, s.Host)
		}
	}
	return list
}

// Label is the node in words: "kubelet.worker-1", "kubelet (100 hosts)".
func (n *Node) Label() string {
	hosts := n.Hosts()
	switch {
	case n.Host != "" || len(hosts) == 0:
		return n.ID
	case len(hosts) == 1:
		return fmt.Sprintf("%s (%s)", n.Module, hosts[0])
	}
	return fmt.Sprintf("%s (%d hosts)", n.Module, len(hosts))
}

// finish puts edges in order, finds the columns, and marks what is implied.
func (g *Graph) finish() {
	slices.SortFunc(g.Edges, func(a, b Edge) int { return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From)) })
	g.Edges = slices.CompactFunc(g.Edges, func(a, b Edge) bool { return a.From == b.From && a.To == b.To })
	g.rank()
	g.reduce()
}

// Drawn are the edges that a picture shows.
func (g *Graph) Drawn() []Edge {
	var list []Edge
	for _, e := range g.Edges {
		if !e.Implied {
			list = append(list, e)
		}
	}
	return list
}
