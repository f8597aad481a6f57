package pmkctl_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pmkctl/pmkctl/"

// layers are the packages from top to bottom. A package imports only what
// stands below its line; packages of one line do not import each other.
// A name that ends in / stands for all below it.
var layers = [][]string{
	{"cmd/"},
	{"run"},
	{"view/", "sshhost/"},
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
// gives. The lab stands beside it: it drives the command from outside.
func TestImportsPointDown(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if name == "lab" || strings.HasPrefix(name, "lab/") || strings.HasPrefix(name, "bench") || !strings.HasPrefix(p.ImportPath, module) {
			continue
		}
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

// meant tells if an import within one line is one of those that are meant:
// helpers below the same folder.
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
		list = append(list, p)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(list, func(p pkg) bool { return p.ImportPath == module+"host" }) {
		t.Fatalf("go list did not name %shost; it listed %d packages", module, len(list))
	}
	return list
}
