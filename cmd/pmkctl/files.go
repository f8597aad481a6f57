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

// specPath is the argument, or the working directory.
func specPath(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

// namesPlan reports whether an argument names a saved plan and not a spec. A
// file that does not end in .hcl is no spec, so one that is damaged is refused
// as a plan, and a plan may come through a pipe.
func namesPlan(args []string) bool {
	info, err := os.Stat(specPath(args))
	if err != nil || info.IsDir() {
		return false // reading the spec says so
	}
	return filepath.Ext(args[0]) != ".hcl" || info.Mode().IsRegular() && saved.IsPlan(args[0])
}

// checkOut refuses, before any host is asked, a name for a plan that would
// destroy something or be taken for a spec.
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

// checkPage refuses, before any host is asked, a name for a page that would
// destroy a spec, a plan, or the plan that is saved to out, and one that is no
// file.
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
