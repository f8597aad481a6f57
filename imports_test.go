package pmkctl_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pmkctl/pmkctl/"

// longest is how many packages the longest chain of imports may have: a change
// at its end can reach all of them.
const longest = 10

// layers are the packages from top to bottom. A package imports only what
// stands below its line; packages of one line do not import each other.
// A name that ends in / stands for all below it.
var layers = [][]string{
	{"cmd/"},
	{"run"},
	{"view/", "sshhost/"},
	{"plan/plantest"},
	{"executor"},
	{"view/document", "view/graphview"},
	{"event", "plan/saved", "view/wording"},
	{"plan"},
	{"spec"},
	{"agent", "modules/"},
	{"modules", "view/fielddiff"},
	{"state"},
	{"change"},
	{"address", "hostnames"},
	{"host/hosttest", "host/oshost"},
	{"host/"},
	{"host"},
	{"atomicfile", "internal/golden"},
}

// importers names, for each package behind a wall, the only package that
// imports it: the others need no more than what stands outside of the wall.
var importers = map[string]string{
	"modules/preflight/hostcheck": "plan",
	"modules/preflight/reach":     "plan",
	"sshhost":                     "run",
}

func layerOf(pkg string) int {
	best, length := -1, -1
	for i, names := range layers {
		for _, n := range names {
			if (pkg == n || strings.HasSuffix(n, "/") && strings.HasPrefix(pkg+"/", n)) && len(n) > length {
				best, length = i, len(n)
			}
		}
	}
	return best
}

// TestImportsPointDown keeps the order of packages that ARCHITECTURE.md
// gives.
func TestImportsPointDown(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		from := layerOf(name)
		if from < 0 {
			t.Errorf("%s has no place in the layers; give it one here and in ARCHITECTURE.md", name)
			continue
		}
		for _, imported := range p.Imports {
			other, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if only, walled := importers[other]; walled && name != only && !strings.HasPrefix(name, other+"/") {
				t.Errorf("%s imports %s, which is for %s alone", name, other, only)
			}
			to := layerOf(other)
			if to > from || to == from && meant(name, other) {
				continue
			}
			t.Errorf("%s imports %s, which does not stand below it", name, other)
		}
	}
}

// TestChainIsShort names each chain of imports that is too long.
func TestChainIsShort(t *testing.T) {
	imports, known := map[string][]string{}, map[string][]string{}
	for _, p := range listPackages(t) {
		imports[p.ImportPath] = p.Imports
	}
	for name := range imports {
		if c := chain(imports, known, name); len(c) > longest {
			t.Errorf("%d packages, want at most %d: %s", len(c), longest, strings.Join(c, " -> "))
		}
	}
}

// chain returns the longest chain of imports that begins with a package.
func chain(imports, known map[string][]string, name string) []string {
	if c, ok := known[name]; ok {
		return c
	}
	var below []string
	for _, imported := range imports[name] {
		if _, ours := imports[imported]; !ours {
			continue
		}
		if c := chain(imports, known, imported); len(c) > len(below) {
			below = c
		}
	}
	known[name] = append([]string{strings.TrimPrefix(name, module)}, below...)
	return known[name]
}

// TestModulesAreUsed names the modules that no plan has. It reads files itself:
// the result of a test that runs go list is kept when they change.
func TestModulesAreUsed(t *testing.T) {
	var plan strings.Builder
	sources, err := filepath.Glob("plan/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range sources {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		plan.Write(text)
	}
	folders, err := os.ReadDir("modules")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if !f.IsDir() || slices.Contains([]string{"internal", "moduletest", "upstream"}, f.Name()) {
			continue
		}
		if !strings.Contains(plan.String(), `"`+module+"modules/"+f.Name()+`"`) {
			t.Errorf("package plan does not import modules/%s, so no plan has it", f.Name())
		}
	}
}

// meant reports whether an import within one line is a meant one: of a helper
// below the same folder.
func meant(from, to string) bool {
	if strings.HasPrefix(to, "modules/internal/") || strings.HasPrefix(from, to+"/") || strings.HasPrefix(to, from+"/") {
		return true
	}
	return strings.HasPrefix(from, "host/") && to == "host/keys"
}

type pkg struct {
	ImportPath string
	Imports    []string
}

// beside reports whether a package stands beside the order: the lab and the
// benchmarks drive the command from outside, and the root has only tests.
func beside(name string) bool {
	top, _, _ := strings.Cut(name, "/")
	return top == "lab" || top == "bench" || name+"/" == module
}

// listPackages returns the packages of the order.
func listPackages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var list []pkg
	for dec := json.NewDecoder(out); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if !beside(strings.TrimPrefix(p.ImportPath, module)) {
			list = append(list, p)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(list, func(p pkg) bool { return p.ImportPath == module+"host" }) {
		t.Fatalf("go list did not name %shost; it listed %d packages", module, len(list))
	}
	return list
}
