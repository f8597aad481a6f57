package graphview

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/plan/saved"
)

// MermaidEdges is how many edges viewers of Mermaid draw unless told
// otherwise.
const MermaidEdges = 500

// Mermaid writes the graph as a flowchart for Mermaid, each host in a frame
// of its own. What is implied is left out.
func Mermaid(w io.Writer, g *Graph, title string) error {
	b := bufio.NewWriter(w) // it keeps the first error
	fmt.Fprintf(b, "---\ntitle: %q\n---\nflowchart LR\n", title)
	for i, host := range g.hosts() {
		if host != "" {
			fmt.Fprintf(b, "  subgraph h%d[%s]\n", i, quoteMermaid(host))
		}
		for j := range g.Nodes {
			if n := &g.Nodes[j]; n.Host == host {
				fmt.Fprintf(b, "    n%d%s\n", j, mermaidBox(n))
			}
		}
		if host != "" {
			b.WriteString("  end\n")
		}
	}
	for _, e := range g.Drawn() {
		arrow := "-->"
		if e.Turn {
			arrow = "-.->"
		}
		fmt.Fprintf(b, "  n%d %s n%d\n", e.From, arrow, e.To)
	}
	g.mermaidClasses(b)
	return b.Flush()
}

// mermaidBox is a box with what the step does in words: of a text that begins
// with a sign Mermaid would make a list.
func mermaidBox(n *Node) string {
	name := n.Module
	if n.Host == "" {
		name = n.Label()
	}
	if n.Kind == saved.Module && n.Action != "" {
		if len(n.Steps) == 1 {
			name += ": " + words[n.Action].word
		} else {
			name += ": " + n.does()
		}
	}
	switch n.Kind {
	case saved.Probe:
		return "(" + quoteMermaid(name) + ")"
	case saved.Gate:
		return "{" + quoteMermaid(name) + "}"
	}
	return "[" + quoteMermaid(name) + "]"
}

var mermaidColors = []struct {
	action change.Action
	style  string
}{
	{change.Remove, "stroke:#b3261e,stroke-width:2px"},
	{change.Update, "stroke:#8a5a00"},
	{change.Add, "stroke:#1b6e3c"},
	{Later, "stroke:#3b4a9c,stroke-dasharray:4 2"},
}

func (g *Graph) mermaidClasses(b *bufio.Writer) {
	for _, c := range mermaidColors {
		var ids []string
		for i, n := range g.Nodes {
			if n.Action == c.action {
				ids = append(ids, fmt.Sprintf("n%d", i))
			}
		}
		if len(ids) > 0 {
			fmt.Fprintf(b, "  classDef %s %s\n  class %s %s\n", c.action, c.style, strings.Join(ids, ","), c.action)
		}
	}
}

func quoteMermaid(s string) string {
	return `"` + strings.NewReplacer("#", "#35;", `"`, "#quot;", "\n", " ", "`", "#96;").Replace(s) + `"`
}
