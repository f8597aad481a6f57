package spec

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// prepare meters an expression, and reports references and functions that do
// not exist. `each` exists only if forEach is set. roots are further names that
// it may refer to.
func (l *loader) prepare(e hclsyntax.Expression, forEach bool, roots ...string) {
	var ds []*hcl.Diagnostic
	for _, t := range e.Variables() {
		if !slices.Contains(roots, t.RootName()) {
			ds = append(ds, l.reference(t, forEach, roots))
		}
	}
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		ds = append(ds, l.unknownFunction(n))
		return nil
	})
	for _, d := range ds {
		if d != nil {
			l.add(d)
			l.broken[e] = true
		}
	}
	l.budget.meter(e)
}

func (l *loader) unknownFunction(n hclsyntax.Node) *hcl.Diagnostic {
	call, ok := n.(*hclsyntax.FunctionCallExpr)
	if _, known := l.root.Functions[nameOf(call)]; !ok || known {
		return nil
	}
	return problem(call.NameRange, "Call to unknown function", "There is no function %q.%s", call.Name, suggest(call.Name, keys(l.root.Functions)))
}

func nameOf(call *hclsyntax.FunctionCallExpr) string {
	if call == nil {
		return ""
	}
	return call.Name
}

func (l *loader) reference(t hcl.Traversal, forEach bool, others []string) *hcl.Diagnostic {
	name, at := second(t)
	switch root := t.RootName(); {
	case root == "var":
		return undeclared(name, at, "variable", keys(l.variables))
	case root == "local":
		return undeclared(name, at, "local", keys(l.locals))
	case root == "each" && forEach:
		return undeclared(name, at, "each", []string{"key", "value"})
	case root == "each" && len(others) == 0:
		return problem(t.SourceRange(), "Reference outside of for_each", "\"each\" is there only in blocks that have for_each. Add for_each, or write the value itself.")
	default:
		return l.unknownRoot(t, root, others)
	}
}

// second returns NAME of a reference such as var.NAME, and the range of both.
func second(t hcl.Traversal) (string, hcl.Range) {
	if len(t) < 2 {
		return "", t.SourceRange()
	}
	at := hcl.RangeBetween(t[0].SourceRange(), t[1].SourceRange())
	switch s := t[1].(type) {
	case hcl.TraverseAttr:
		return s.Name, at
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String {
			return s.Key.AsString(), at
		}
	}
	return "", at
}

var declaredBy = map[string]string{
	"variable": `Declare it with variable %q { type = string }.`,
	"local":    `Declare it in a locals block: %s = ....`,
	"each":     `There are each.key and each.value.%.0s`,
}

func undeclared(name string, at hcl.Range, kind string, known []string) *hcl.Diagnostic {
	if name == "" {
		return problem(at, "Incomplete reference", "A name must follow, such as %q.", roots[kind]+".name")
	}
	for _, k := range known {
		if k == name {
			return nil
		}
	}
	return problem(at, "Reference to undeclared "+kindWords[kind], "There is no %q. "+declaredBy[kind]+"%s",
		roots[kind]+"."+name, name, suggest(roots[kind]+"."+name, within(roots[kind], known)))
}

var (
	roots     = map[string]string{"variable": "var", "local": "local", "each": "each"}
	kindWords = map[string]string{"variable": "variable", "local": "local value", "each": "attribute of each"}
)

func within(root string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = root + "." + n
	}
	return out
}

func (l *loader) unknownRoot(t hcl.Traversal, root string, others []string) *hcl.Diagnostic {
	known := append([]string{"var", "local"}, others...)
	if len(others) == 0 {
		known = append(known, "each")
	}
	hint := suggest(root, known)
	switch {
	case l.variables[root] != nil:
		hint = " Did you mean \"var." + root + "\"?"
	case l.locals[root] != nil:
		hint = " Did you mean \"local." + root + "\"?"
	case len(t) == 1:
		hint = " For plain text, put it in quotes: \"" + root + "\"."
	}
	if len(others) > 0 {
		return problem(t.SourceRange(), "Unknown reference", "There is nothing called %q here; values are plan.NAME, time.NAME, var.NAME and local.NAME.%s", root, hint)
	}
	return problem(t.SourceRange(), "Unknown reference", "There is nothing called %q; values are var.NAME, local.NAME, and each.key or each.value within for_each.%s", root, hint)
}

// eval returns the value of a prepared expression. It is unknown if there is a
// mistake.
func (l *loader) eval(e hclsyntax.Expression, evalCtx *hcl.EvalContext) cty.Value {
	if l.broken[e] {
		return cty.DynamicVal
	}
	m := &metered{Expression: e, budget: l.budget, glance: true}
	v, diags := m.Value(evalCtx)
	for _, d := range diags {
		l.add(improve(d, e, evalCtx))
	}
	if diags.HasErrors() {
		return cty.DynamicVal
	}
	return v
}

// improve adds the nearest existing name to a diagnostic of hcl.
func improve(d *hcl.Diagnostic, e hclsyntax.Expression, evalCtx *hcl.EvalContext) *hcl.Diagnostic {
	out := *d
	if d.Summary == "Unsupported attribute" {
		out.Detail += nearAttribute(e, evalCtx)
	}
	return &out
}

// nearAttribute finds the first missing attribute in the references of an
// expression, and suggests a name for it.
func nearAttribute(e hclsyntax.Expression, evalCtx *hcl.EvalContext) string {
	for _, t := range e.Variables() {
		for n := 2; n <= len(t); n++ {
			if _, diags := t[:n].TraverseAbs(evalCtx); diags.HasErrors() {
				return nearIn(t[:n-1], t[n-1], evalCtx)
			}
		}
	}
	return ""
}

func nearIn(of hcl.Traversal, step hcl.Traverser, evalCtx *hcl.EvalContext) string {
	v, diags := of.TraverseAbs(evalCtx)
	a, ok := step.(hcl.TraverseAttr)
	if diags.HasErrors() || !ok || !v.Type().IsObjectType() {
		return ""
	}
	return suggest(a.Name, keys(v.Type().AttributeTypes()))
}
