package graphview

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/plan/saved"
)

// dotColors are names that Graphviz knows.
var dotColors = map[change.Action]string{change.Add: "darkgreen", change.Update: "darkorange3", change.Remove: "red3", Later: "slateblue"}

// DOT writes the graph for Graphviz, each host in a frame of its own. What is
// implied is left out.
func DOT(w io.Writer, g *Graph, title string) error {
	b := bufio.NewWriter(w) // it keeps the first error
	fmt.Fprintf(b, "digraph %s {\n", quoteDOT(title))
	fmt.Fprintf(b, "  label=%s; labelloc=t; rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"monospace\"];\n", quoteDOT(title))
	for i, host := range g.hosts() {
		indent := "  "
		if host != "" {
			fmt.Fprintf(b, "  subgraph cluster_%d {\n    label=%s; color=gray;\n", i, quoteDOT(host))
			indent = "    "
		}
		for n := range g.Nodes {
			if n := &g.Nodes[n]; n.Host == host {
				fmt.Fprintf(b, "%s%s [label=%s%s];\n", indent, quoteDOT(n.ID), quoteDOT(label(n)), dotStyle(n))
			}
		}
		if host != "" {
			b.WriteString("  }\n")
		}
	}
	for _, e := range g.Drawn() {
		style := ""
		if e.Turn {
			style = " [style=dashed, constraint=false]"
		}
		fmt.Fprintf(b, "  %s -> %s%s;\n", quoteDOT(g.Nodes[e.From].ID), quoteDOT(g.Nodes[e.To].ID), style)
	}
	b.WriteString("}\n")
	return b.Flush()
}

func dotStyle(n *Node) string {
	switch n.Kind {
	case saved.Probe:
		return `, style="rounded,dashed"`
	case saved.Gate:
		return ", penwidth=2"
	}
	if color := dotColors[n.Action]; color != "" {
		return ", color=" + color
	}
	return ""
}

func quoteDOT(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(s) + `"`
}

// hosts are those of the nodes in their order, first "" for what is over all.
func (g *Graph) hosts() []string {
	list, seen := []string{""}, map[string]bool{"": true}
	for _, n := range g.Nodes {
		if !seen[n.Host] {
			seen[n.Host] = true
			list = append(list, n.Host)
		}
	}
	return list
}
