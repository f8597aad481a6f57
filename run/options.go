package run

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/terminal"
)

// Options are common to all runs.
type Options struct {
	Console   *terminal.Console
	Version   string           // of this program
	Now       func() time.Time // the time for policies and for saved plans
	Log       string           // file for a line per call to a host's agent; "" for none
	Path      string           // of the spec
	Inputs    spec.Options     // of the spec
	Exclude   []string         // hosts; also steps, if there is a selection
	Selection *plan.Selection  // nil for runs that always include all steps
}

// Load reads the spec and shows all its diagnostics.
func (o Options) Load() (*spec.Cluster, map[string]*hcl.File, error) {
	cluster, files, diags := spec.Load(o.Path, o.Inputs)
	if err := Diagnose(o.Console, files, diags); err != nil {
		return nil, nil, err
	}
	return cluster, files, nil
}

// Diagnose shows diagnostics. It returns an error if one of them is an error.
func Diagnose(c *terminal.Console, files map[string]*hcl.File, diags hcl.Diagnostics) error {
	if err := c.Diagnostics(files, diags); err != nil {
		return err
	}
	if diags.HasErrors() {
		return &Error{Outcome: SpecInvalid}
	}
	return nil
}
