package run

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
)

// ReadPlan reads a saved plan and returns it with its id. A damaged plan is
// refused.
func ReadPlan(name string) (*saved.Plan, string, error) {
	p, id, err := saved.Read(name)
	if damaged := (*saved.RefusedError)(nil); errors.As(err, &damaged) {
		if !saved.IsPlan(name) {
			return nil, "", refusedf("%s is neither a spec (a folder, or a file *.hcl) nor a saved plan, or its first line is damaged", name)
		}
		return nil, "", refusedf("the saved plan %s is refused: %v", name, damaged)
	}
	return p, id, err
}

// planToApply reads a saved plan and refuses it if it is damaged, has another
// digest than sha256, or was made by another pmkctl.
func planToApply(name, sha256, version string) (*saved.Plan, string, error) {
	p, id, err := ReadPlan(name)
	if err != nil {
		return nil, "", err
	}
	if want := strings.ToLower(strings.TrimPrefix(sha256, "sha256:")); want != "" && want != id {
		return nil, "", refusedf("%s is another plan: its sha256 is %s, and -sha256 asks for %s; nothing was changed", name, id, want)
	}
	build, err := thisBuild(version)
	if err != nil {
		return nil, "", err
	}
	switch {
	case p.Pmkctl.Version != build.Version:
		return nil, "", refusedf("%s was made by pmkctl %s and this is %s: apply it with that version, or plan again; nothing was changed", name, p.Pmkctl.Version, build.Version)
	case build.Version == "dev" && p.Pmkctl.SHA256 != build.SHA256:
		return nil, "", refusedf("%s was made by another build of pmkctl dev (sha256 %.12s, this is %.12s): plan again; nothing was changed", name, p.Pmkctl.SHA256, build.SHA256)
	}
	return p, id, nil
}

// reveal puts the secrets into the plan's cluster. A saved plan has none, so
// the user gives them again.
func (o Options) reveal(p *saved.Plan, name string) error {
	place := SpecOf(p)
	given, files, diags := spec.InputValues(spec.Dir(place), p.Asked(), o.Inputs)
	if err := Diagnose(o.Console, files, diags); err != nil {
		return err
	}
	o.noteUnused(p)
	err := p.Reveal(given, nil)
	if missing := (*saved.MissingError)(nil); errors.As(err, &missing) {
		err = p.Reveal(given, secretsOf(place, o.Inputs))
	}
	if wrong := (*saved.RefusedError)(nil); errors.As(err, &wrong) {
		return refusedf("%s: %w; nothing was changed", name, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// SpecOf returns the path of the spec that a plan was made from: the absolute
// one if it exists here, else the one on the command line.
func SpecOf(p *saved.Plan) string {
	if _, err := os.Stat(p.Spec.Absolute); err == nil {
		return p.Spec.Absolute
	}
	return p.Spec.Given
}

// secretsOf returns the secrets that a spec has now: defaults of variables, and
// secrets written in the spec. It returns nil if the spec is not there. The
// digests in the plan show whether they are the same.
func secretsOf(path string, inputs spec.Options) []spec.Secret {
	cluster, _, _ := spec.Load(path, inputs)
	if cluster == nil {
		return nil
	}
	var list []spec.Secret
	for _, f := range cluster.Secrets() {
		list = append(list, *f.Secret)
	}
	return list
}

// noteUnused prints a note for each -var that is not used: only secrets are,
// because the plan has all other values.
func (o Options) noteUnused(p *saved.Plan) {
	for _, kv := range o.Inputs.Vars {
		name, _, _ := strings.Cut(kv, "=")
		for _, in := range p.Cluster.Inputs {
			if in.Name == strings.TrimSpace(name) && !in.Sensitive {
				o.Console.Note("-var %s is not used: the plan has its value.", in.Name)
			}
		}
	}
}
