package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pmkctl/pmkctl/plan/saved"
	"github.com/pmkctl/pmkctl/spec"
)

// namesPlan tells if an argument names a saved plan and not a spec. A file
// that does not end in .hcl is no spec, so one that is damaged is told as
// that, and a plan may come through a pipe.
func namesPlan(args []string) bool {
	info, err := os.Stat(specPath(args))
	if err != nil || info.IsDir() {
		return false // whoever reads the spec says so
	}
	return filepath.Ext(args[0]) != ".hcl" || info.Mode().IsRegular() && beginsAsPlan(args[0])
}

// refused ends a command that will not use a plan. It is only called while
// nothing was changed.
func refusedf(format string, args ...any) error {
	return &exitError{exitRefused, fmt.Errorf(format, args...)}
}

// readPlan reads a plan that is whole.
func readPlan(name string) (*saved.Plan, string, error) {
	p, id, err := saved.Read(name)
	if damaged := (*saved.RefusedError)(nil); errors.As(err, &damaged) {
		if !beginsAsPlan(name) {
			return nil, "", refusedf("%s is neither a spec (a folder, or a file *.hcl) nor a saved plan, or its first line is damaged", name)
		}
		return nil, "", refusedf("the saved plan %s is refused: %v", name, damaged)
	}
	return p, id, err
}

// planToApply reads a plan that is whole, the wanted one, and of this pmkctl.
func planToApply(name, sha256 string) (*saved.Plan, string, error) {
	p, id, err := readPlan(name)
	if err != nil {
		return nil, "", err
	}
	if want := strings.ToLower(strings.TrimPrefix(sha256, "sha256:")); want != "" && want != id {
		return nil, "", refusedf("%s is another plan: its sha256 is %s, and -sha256 asks for %s; nothing was changed", name, id, want)
	}
	build, err := thisBuild()
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

// reveal puts the secrets, which were given again, into the plan's cluster.
func (a *app) reveal(p *saved.Plan, name string) error {
	opts := spec.Options{Vars: a.flags.vars, VarFiles: a.flags.varFiles, Env: os.Environ()}
	place := specOf(p)
	given, files, diags := spec.GivenAgain(spec.Dir(place), p.Asked(), opts)
	if err := a.diagnose(files, diags); err != nil {
		return err
	}
	a.tellUnused(p)
	err := p.Reveal(given, nil)
	if missing := (*saved.MissingError)(nil); errors.As(err, &missing) {
		err = p.Reveal(given, secretsOf(place, opts))
	}
	if wrong := (*saved.RefusedError)(nil); errors.As(err, &wrong) {
		return refusedf("%s: %w; nothing was changed", name, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// specOf is where the spec was: there, or where the command line would find
// it now.
func specOf(p *saved.Plan) string {
	if _, err := os.Stat(p.Spec.Absolute); err == nil {
		return p.Spec.Absolute
	}
	return p.Spec.Given
}

// secretsOf are what a spec keeps secret now, if it is still there: defaults
// of variables, and what no variable has. A plan's digest tells if they are
// the same.
func secretsOf(path string, opts spec.Options) []spec.Secret {
	cluster, _, _ := spec.Load(path, opts)
	if cluster == nil {
		return nil
	}
	var list []spec.Secret
	for _, f := range cluster.Secrets() {
		list = append(list, *f.Secret)
	}
	return list
}

// tellUnused says that a plan has the values of variables that are no
// secrets.
func (a *app) tellUnused(p *saved.Plan) {
	for _, kv := range a.flags.vars {
		name, _, _ := strings.Cut(kv, "=")
		for _, in := range p.Cluster.Inputs {
			if in.Name == strings.TrimSpace(name) && !in.Sensitive {
				a.note("-var %s is not used: the plan has its value.", in.Name)
			}
		}
	}
}
