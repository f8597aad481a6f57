package spec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Options are the inputs of a spec besides its files. For each variable a later
// source wins: its default, Env, *.auto.hclvars in the folder of the spec,
// VarFiles, Vars.
type Options struct {
	Vars     []string // "name=value"
	VarFiles []string // paths
	Env      []string // as in os.Environ; only PMK_VAR_name=value counts
}

// Load reads all *.hcl of a folder, or one file. The cluster is nil if there
// are errors. The files are for the snippets of diagnostics, and have asterisks
// in place of sensitive values.
func Load(path string, opts Options) (*Cluster, map[string]*hcl.File, hcl.Diagnostics) {
	l := newLoader(Dir(path), opts)
	l.parseAll(path)
	c := l.load()
	diags := l.redact(tidy(l.diags))
	if diags.HasErrors() {
		c = nil
	}
	return c, l.sources(), diags
}

// A loader is the state of one load. Mistakes are added to diags. What depends
// on a mistake is unknown and is not reported as well.
type loader struct {
	dir    string
	opts   Options
	budget *budget
	diags  hcl.Diagnostics
	files  map[string]*hcl.File

	blocks    []*hclsyntax.Block
	variables map[string]*variable
	locals    map[string]*local
	broken    map[hclsyntax.Expression]bool // expressions with references that do not exist
	root      *hcl.EvalContext
	partial   bool // a file could not be parsed, so missing blocks may be in it

	inputs  []Input     // the variables, in the order of their names
	secrets []string    // values that are removed from messages
	masks   []hcl.Range // ranges that are masked in snippets
}

func newLoader(dir string, opts Options) *loader {
	l := &loader{
		dir: dir, opts: opts, budget: newBudget(), files: map[string]*hcl.File{},
		variables: map[string]*variable{}, locals: map[string]*local{}, broken: map[hclsyntax.Expression]bool{},
	}
	l.root = &hcl.EvalContext{Functions: functions(dir, l.noteSecret), Variables: map[string]cty.Value{}}
	return l
}

func (l *loader) load() *Cluster {
	if len(l.blocks) == 0 {
		return nil // reported by parseAll
	}
	l.collect()
	l.evalVariables()
	l.evalLocals()
	c := l.decodeCluster()
	c.Inputs = l.inputs
	l.check(c)
	if l.budget.over() {
		l.add(exhausted(l.blocks[0].DefRange()))
	}
	return &c.Cluster
}

func (l *loader) add(ds ...*hcl.Diagnostic) {
	for _, d := range ds {
		if d != nil {
			l.diags = append(l.diags, d)
		}
	}
}

func (l *loader) parseAll(path string) {
	paths, err := Files(path)
	if err != nil {
		l.add(unreadable(path, err))
		return
	}
	for _, p := range paths {
		l.parse(p)
	}
	l.partial = l.diags.HasErrors()
	if len(l.blocks) == 0 && !l.diags.HasErrors() {
		l.add(&hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "No spec",
			Detail: fmt.Sprintf("%s holds no blocks of a spec. Run `pmkctl init` to write a first one.", path),
		})
	}
}

func unreadable(path string, err error) *hcl.Diagnostic {
	if errors.Is(err, errTooLarge) {
		return tooLarge(path)
	}
	detail := fmt.Sprintf("Reading %s: %v.", path, err)
	if errors.Is(err, os.ErrNotExist) {
		detail = fmt.Sprintf("There is no file or folder %s. Give the path of a spec, or run `pmkctl init` to write one.", path)
	}
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Spec not readable", Detail: detail}
}

func (l *loader) parse(path string) {
	src, err := readSpec(path)
	if err != nil {
		l.add(unreadable(path, err))
		return
	}
	f := l.parseFile(filepath.Clean(path), src)
	if f == nil {
		return
	}
	body := f.Body.(*hclsyntax.Body)
	l.blocks = append(l.blocks, body.Blocks...)
	l.strayAttrs(body)
}

// parseFile returns nil for a file that cannot be parsed safely.
func (l *loader) parseFile(name string, src []byte) *hcl.File {
	l.files[name] = &hcl.File{Bytes: src}
	if d := scan(name, src); d != nil {
		l.add(d)
		return nil
	}
	f, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	l.diags = append(l.diags, diags...)
	if diags.HasErrors() {
		l.maskLines(name, src)
	}
	l.files[name] = f
	return f
}

func (l *loader) strayAttrs(body *hclsyntax.Body) {
	for _, name := range keys(body.Attributes) {
		a := body.Attributes[name]
		l.add(problem(a.NameRange, "Unexpected attribute",
			"%q stands outside of any block. Attributes belong into blocks such as cluster or host; a value to use again belongs under locals.%s", name, suggestBlock(name)))
	}
}

func suggestBlock(name string) string {
	if find(blocks, name) == nil {
		return ""
	}
	return fmt.Sprintf(" A block is written without the equals sign: %s { ... }.", name)
}
