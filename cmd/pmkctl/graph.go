package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/pmkctl/pmkctl/atomicfile"
	"github.com/pmkctl/pmkctl/executor"
	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/run"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/graphview"
	"github.com/pmkctl/pmkctl/view/wording"
)

// graphFlags are the flags of graph.
type graphFlags struct {
	format, out string
	collapse    bool
}

var graphFormats = []string{"dot", "mermaid", "svg", "json"}

func (a *app) graphCommand() *cobra.Command {
	var f graphFlags
	cmd := &cobra.Command{
		Use:   "graph [SPEC | PLAN]",
		Short: "Draw the steps and what they wait for; asks no host",
		Long: "Draw the steps and what they wait for, of a spec or of a saved plan; asks no host. Of a spec it draws what an apply to\n" +
			"bare hosts does, all of which can be reached. docs/graph.md tells more.",
		Example: "  pmkctl graph -collapse -out=cluster.svg\n  pmkctl graph -format=dot cluster.plan | dot -Tpdf > plan.pdf",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.graph(cmd.Context(), args, f) },
	}
	cmd.Flags().StringVar(&f.format, "format", "", "`FORMAT` is dot, mermaid, svg or json; without it, as the name of -out ends, or dot")
	cmd.Flags().BoolVar(&f.collapse, "collapse", false, "one box for each module with all its hosts")
	cmd.Flags().StringVar(&f.out, "out", "", "write to `FILE`, not to standard output")
	return a.specFlags(cmd)
}

func (a *app) graph(ctx context.Context, args []string, f graphFlags) error {
	format, err := f.chosen()
	if err != nil {
		return err
	}
	s, err := a.stepsOf(ctx, args)
	if err != nil {
		return err
	}
	g := graphview.New(s.steps, s.saved != nil)
	if f.collapse {
		g = g.Collapse()
	}
	if edges := len(g.Drawn()); format == "mermaid" && edges > graphview.MermaidEdges {
		a.console.Note("Viewers of Mermaid draw up to %d lines, and these are %d: use -collapse, or -format=svg.", graphview.MermaidEdges, edges)
	}
	var b bytes.Buffer
	if err := writeGraph(&b, format, g, s); err != nil {
		return err
	}
	if f.out == "" {
		_, err := a.console.Out.Write(b.Bytes())
		return err
	}
	if err := atomicfile.Write(f.out, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the graph: %w", err)
	}
	return nil
}

// chosen returns the format that the flags ask for.
func (f graphFlags) chosen() (string, error) {
	if strings.HasSuffix(f.out, ".hcl") {
		return "", fmt.Errorf("-out=%s: a file *.hcl is read as part of a spec; give the graph another name, such as cluster.svg", f.out)
	}
	format := f.format
	if ending := strings.TrimPrefix(filepath.Ext(f.out), "."); format == "" && ending != "" {
		format = map[string]string{"gv": "dot", "mmd": "mermaid"}[ending]
		format = cmp.Or(format, ending)
		if !slices.Contains(graphFormats, format) {
			return "", fmt.Errorf("-out=%s: its name does not tell the format; say -format=dot, mermaid, svg or json", f.out)
		}
	}
	format = cmp.Or(format, "dot")
	if !slices.Contains(graphFormats, format) {
		return "", fmt.Errorf("-format=%s: a graph is written as dot, mermaid, svg or json", format)
	}
	return format, nil
}

func writeGraph(b *bytes.Buffer, format string, g *graphview.Graph, s *source) error {
	switch format {
	case "svg":
		return graphview.SVG(b, g, graphview.Options{Title: s.title()})
	case "mermaid":
		return graphview.Mermaid(b, g, s.title())
	case "json":
		return graphview.JSON(b, g, s.cluster.Name)
	}
	return graphview.DOT(b, g, s.title())
}

// A source has steps: it is a spec or a saved plan.
type source struct {
	cluster *spec.Cluster
	files   map[string]*hcl.File // of a spec
	saved   *saved.Plan          // nil for a spec
	bare    *executor.Checked    // of a spec
	steps   []saved.Step
}

// stepsOf reads a spec or a plan. It asks no host.
func (a *app) stepsOf(ctx context.Context, args []string) (*source, error) {
	if namesPlan(args) {
		p, _, err := run.ReadPlan(args[0])
		if err != nil {
			return nil, err
		}
		return &source{cluster: p.Cluster, saved: p, steps: p.Steps}, nil
	}
	cluster, files, err := a.options(args).Load()
	if err != nil {
		return nil, err
	}
	g, err := plan.CompileBare(ctx, cluster)
	if err != nil {
		return nil, err
	}
	bare := &executor.Checked{Graph: g}
	return &source{cluster: cluster, files: files, bare: bare, steps: bare.Steps()}, nil
}

// title returns the heading: cluster, origin and number of the steps.
func (s *source) title() string {
	if s.saved == nil {
		return fmt.Sprintf("Cluster %s on bare hosts: %s", s.cluster.Name, wording.Count(len(s.steps), "step"))
	}
	return fmt.Sprintf("Cluster %s, plan of %s: %s", s.cluster.Name, wording.When(s.saved.Made), wording.Count(len(s.steps), "step"))
}
