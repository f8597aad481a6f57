package graphview

import (
	"encoding/json"
	"io"

	"github.com/pmkctl/pmkctl/address"
	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/plan/saved"
)

// Version is that of Doc: what is added counts up behind the dot, what a
// reader would stumble over before it.
const Version = "1.0"

// Doc is a graph as a document for programs. docs/schema/graph.json describes
// it. Lists are never null.
type Doc struct {
	Version   string    `json:"version"`
	Cluster   string    `json:"cluster"`
	Planned   bool      `json:"planned"`
	Collapsed bool      `json:"collapsed"`
	Nodes     []DocNode `json:"nodes"`
	Edges     []DocEdge `json:"edges"`
}

// DocNode is a Node.
type DocNode struct {
	ID      string                `json:"id"`
	Label   string                `json:"label"`
	Module  string                `json:"module"`
	Host    string                `json:"host"`
	Kind    saved.StepKind        `json:"kind"`
	Action  change.Action         `json:"action,omitempty"`
	Actions map[change.Action]int `json:"actions,omitempty"`
	Column  int                   `json:"column"`
	Steps   []address.Addr        `json:"steps"`
	Hosts   []string              `json:"hosts"`
	Source  DocSource             `json:"source"`
}

// DocSource is the block of the spec that asked for a step.
type DocSource struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// DocEdge is an Edge.
type DocEdge struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Implied bool   `json:"implied"`
	Turn    bool   `json:"turn"`
}

// JSON writes the graph as a document, with all edges.
func JSON(w io.Writer, g *Graph, cluster string) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(g.doc(cluster))
}

func (g *Graph) doc(cluster string) Doc {
	d := Doc{Version: Version, Cluster: cluster, Planned: g.Planned, Collapsed: g.Collapsed, Nodes: []DocNode{}, Edges: []DocEdge{}}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		d.Nodes = append(d.Nodes, DocNode{ID: n.ID, Label: n.Label(), Module: n.Module, Host: n.Host, Kind: n.Kind, Action: n.Action,
			Actions: n.Does, Column: n.Rank, Steps: n.Steps, Hosts: append([]string{}, n.Hosts()...),
			Source: DocSource{n.Source.Filename, n.Source.Start.Line}})
	}
	for _, e := range g.Edges {
		d.Edges = append(d.Edges, DocEdge{g.Nodes[e.From].ID, g.Nodes[e.To].ID, e.Implied, e.Turn})
	}
	return d
}
