package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pmkctl/pmkctl/plan/saved"
)

// specPath returns the argument, or the working directory without one.
func specPath(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

// namesPlan reports whether an argument names a saved plan rather than a spec.
// Any file that does not end in .hcl counts as a plan, so that a damaged plan
// is refused as such, and a plan can come through a pipe.
func namesPlan(args []string) bool {
	info, err := os.Stat(specPath(args))
	if err != nil || info.IsDir() {
		return false // reading it as a spec gives the error
	}
	return filepath.Ext(args[0]) != ".hcl" || info.Mode().IsRegular() && saved.IsPlan(args[0])
}

// checkOut returns an error for a name of a plan that would overwrite something
// else or be read as a spec. It is called before any host is asked.
func checkOut(name string) error {
	if name == "" {
		return nil
	}
	if strings.HasSuffix(name, ".hcl") {
		return fmt.Errorf("-out=%s: a file *.hcl is read as part of a spec; give the plan another name, such as cluster.plan", name)
	}
	if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return fmt.Errorf("-out=%s: there is no folder %s", name, filepath.Dir(name))
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Size() > 0 && !saved.IsPlan(name):
		return fmt.Errorf("-out=%s: it is there, and no saved plan; remove it first, or give another name", name)
	}
	return nil
}

// checkPage returns an error for a name of a page that would overwrite a spec,
// a plan, or out, the plan of this run, and for a name that is not a file. It
// is called before any host is asked.
func checkPage(name, out string) error {
	info, err := os.Stat(name)
	switch {
	case name == "":
		return nil
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("-html=%s: it is no file; give the page another name, such as plan.html", name)
	case out != "" && filepath.Clean(name) == filepath.Clean(out):
		return fmt.Errorf("-html=%s: the plan is saved there; give the page another name, such as plan.html", name)
	case strings.HasSuffix(name, ".hcl"):
		return fmt.Errorf("-html=%s: a file *.hcl is read as part of a spec; give the page another name, such as plan.html", name)
	case saved.IsPlan(name):
		return fmt.Errorf("-html=%s: it is a saved plan; give the page another name, such as plan.html", name)
	}
	if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return fmt.Errorf("-html=%s: there is no folder %s", name, filepath.Dir(name))
	}
	return nil
}
