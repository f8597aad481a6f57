package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/pmkctl/pmkctl/run"
)

// Each outcome of a run has an exit code. One without is no success.
func TestExits(t *testing.T) {
	outcomes := declaredOutcomes(t)
	if len(outcomes) < len(exits) {
		t.Errorf("found only %q", outcomes)
	}
	for _, o := range outcomes {
		if exits[o] == exitDone {
			t.Errorf("the outcome %q has no exit code", o)
		}
	}
	if code := (&app{}).exitCode(&run.Error{Outcome: "new"}); code != exitFailed {
		t.Errorf("an unknown outcome is exit %d", code)
	}
}

// declaredOutcomes returns the constants of type Outcome in the sources of run.
func declaredOutcomes(t *testing.T) []run.Outcome {
	t.Helper()
	files, err := filepath.Glob("../../run/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var outcomes []run.Outcome
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && typeName(v.Type) == "Outcome" {
				for _, value := range v.Values {
					outcomes = append(outcomes, outcome(t, value))
				}
			}
			return true
		})
	}
	return outcomes
}

func typeName(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

func outcome(t *testing.T, value ast.Expr) run.Outcome {
	t.Helper()
	text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
	if err != nil {
		t.Fatal(err)
	}
	return run.Outcome(text)
}
