package run

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/pmkctl/pmkctl/plan"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/view/terminal"
)

// Options are what every run is given.
type Options struct {
	Console   *terminal.Console
	Version   string           // of this program
	Now       func() time.Time // policies are judged and plans are dated by it
	Log       string           // file that gets every call to a host's agent; "" for none
	Path      string           // of the spec
	Inputs    spec.Options     // of the spec
	Exclude   []string         // hosts; steps too, where there is a selection
	Selection *plan.Selection  // nil if the run is always about all steps
}

// Load reads the spec and shows everything that is wrong with it.
func (o Options) Load() (*spec.Cluster, map[string]*hcl.File, error) {
	cluster, files, diags := spec.Load(o.Path, o.Inputs)
	if err := Diagnose(o.Console, files, diags); err != nil {
		return nil, nil, err
	}
	return cluster, files, nil
}

// Diagnose shows diagnostics. It returns an error if there is one among them.
func Diagnose(c *terminal.Console, files map[string]*hcl.File, diags hcl.Diagnostics) error {
	if err := c.Diagnostics(files, diags); err != nil {
		return err
	}
	if diags.HasErrors() {
		return &Error{Outcome: SpecInvalid}
	}
	return nil
}
