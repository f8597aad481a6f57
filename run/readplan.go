package run

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
)

// ReadPlan reads a saved plan and returns it with its id. A damaged file is a
// Refused error.
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

// planToApply reads a saved plan like ReadPlan. It refuses a plan whose id is
// not sha256 ("" allows any) and a plan that another build of pmkctl made.
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

// reveal puts the secrets into the plan's cluster, because the plan has only
// their digests. They come from -var, -var-file, *.auto.hclvars and
// PMK_VAR_NAME; what is missing comes from the spec, if it still exists.
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

// SpecOf returns the absolute path of the spec that the plan was made from. If
// there is no spec there any more, it returns the path as given on the command
// line then.
func SpecOf(p *saved.Plan) string {
	if _, err := os.Stat(p.Spec.Absolute); err == nil {
		return p.Spec.Absolute
	}
	return p.Spec.Given
}

// secretsOf returns the secrets of the spec as it is now: defaults of variables,
// and secrets without a variable. It returns none if the spec cannot be loaded.
// The caller compares them with the digests in the plan.
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

// noteUnused prints a note for each -var that is not used, because the plan has
// the values of variables that are not secret.
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
