package spec

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

var variableBlock = &block{
	Name: "variable", Label: "name of the variable", Repeat: true,
	Doc: "An input. Its value comes from the last of: default, PMK_VAR_name in the environment, *.auto.hclvars in the spec's folder, -var-file, -var.",
	Attrs: []attr{
		{Name: "type", Type: cty.DynamicPseudoType, InWords: "any", Doc: "string, number, bool, any, list(...), set(...), map(...), object({...}) with optional(...), or tuple([...])."},
		{Name: "default", Type: cty.DynamicPseudoType, InWords: "none: a value must be given", Doc: "Value to use if none is given; a literal."},
		{Name: "description", Type: cty.String, Doc: "What it is for."},
		{Name: "sensitive", Type: cty.Bool, Default: cty.False, Doc: "Never show its value. It fits only where a table here says so."},
	},
	Blocks: []*block{{
		Name: "validation", Repeat: true, Doc: "What a value must be.",
		Attrs: []attr{
			{Name: "condition", Type: cty.Bool, Required: true, Doc: "An expression over var.NAME that must be true."},
			{Name: "error_message", Type: cty.String, Required: true, Doc: "What to tell the user otherwise."},
		},
	}},
}

// A variable is a declared input.
type variable struct {
	name      string
	block     *hclsyntax.Block
	at        hcl.Range // of its name
	ty        cty.Type
	defaults  *typeexpr.Defaults
	sensitive bool
	given     *given
}

// A given value is a value for a variable, with its source.
type given struct {
	raw  string               // -var and environment
	expr hclsyntax.Expression // variable files and default
	at   hcl.Range
	from string // description of the source, for messages
}

func (l *loader) collectVariable(b *hclsyntax.Block) {
	if len(b.Labels) == 0 {
		return // reported by checkShape
	}
	v := &variable{name: b.Labels[0], block: b, at: b.LabelRanges[0], ty: cty.DynamicPseudoType}
	if !hclsyntax.ValidIdentifier(v.name) {
		l.add(problem(v.at, "Invalid variable name", "%q is no name; use letters, digits, dashes and underscores, and start with a letter.", v.name))
		return
	}
	if have := l.variables[v.name]; have != nil {
		l.addDuplicate("variable", v.name, have.at, v.at)
		return
	}
	l.variables[v.name] = v
	l.declare(v, b.Body.Attributes)
}

func (l *loader) declare(v *variable, attrs hclsyntax.Attributes) {
	if a := attrs["type"]; a != nil {
		ty, defaults, diags := typeexpr.TypeConstraintWithDefaults(a.Expr)
		l.diags = append(l.diags, diags...)
		if !diags.HasErrors() {
			v.ty, v.defaults = ty, defaults
		}
	}
	if a := attrs["sensitive"]; a != nil {
		v.sensitive = l.literalBool(a, true)
	}
	if a := attrs["default"]; a != nil {
		v.given = &given{expr: a.Expr, at: a.Expr.Range(), from: "its default"}
		l.maskFor(v, a.Expr.Range())
	}
	if a := attrs["description"]; a != nil {
		l.literal(a)
	}
}

func (l *loader) maskFor(v *variable, r hcl.Range) {
	if v.sensitive {
		l.mask(r)
	}
}

// literal evaluates an expression without references.
func (l *loader) literal(a *hclsyntax.Attribute) (cty.Value, bool) {
	v, diags := l.literalExpr(a.Expr)
	l.diags = append(l.diags, diags...)
	return v, !diags.HasErrors()
}

func (l *loader) literalExpr(e hclsyntax.Expression) (cty.Value, hcl.Diagnostics) {
	l.budget.meter(e)
	return e.Value(nil)
}

// literalBool returns the value of a boolean attribute, or fallback if it is
// invalid. The fallback of sensitive is true, so that a mistake never shows a
// value.
func (l *loader) literalBool(a *hclsyntax.Attribute, fallback bool) bool {
	v, ok := l.literal(a)
	if ok {
		v, err := convertTo(v, cty.Bool)
		if err == nil && v.IsKnown() && !v.IsNull() {
			return v.True()
		}
		l.add(problem(a.Expr.Range(), "Invalid value", "%s is true or false.", a.Name))
	}
	return fallback
}

// evalVariables sets the values of all variables.
func (l *loader) evalVariables() {
	l.fromEnv()
	l.fromFiles()
	l.fromArgs()
	all := map[string]cty.Value{}
	for _, name := range keys(l.variables) {
		all[name] = l.valueOf(l.variables[name])
	}
	l.root.Variables["var"] = cty.ObjectVal(all)
	for _, name := range keys(l.variables) {
		l.validate(l.variables[name], all[name])
		l.inputs = append(l.inputs, l.variables[name].input(all[name]))
	}
}

func (l *loader) fromEnv() {
	for _, kv := range l.opts.Env {
		name, raw, ok := strings.Cut(strings.TrimPrefix(kv, "PMK_VAR_"), "=")
		if v := l.variables[name]; ok && v != nil && strings.HasPrefix(kv, "PMK_VAR_") {
			v.given = &given{raw: raw, at: outside("PMK_VAR_" + name), from: "PMK_VAR_" + name + " in the environment"}
		}
	}
}

// outside returns the range of a value that is not from a file.
func outside(name string) hcl.Range {
	return hcl.Range{Filename: "<" + name + ">", Start: hcl.InitialPos, End: hcl.InitialPos}
}

func (l *loader) fromArgs() {
	for _, kv := range l.opts.Vars {
		name, raw, ok := strings.Cut(kv, "=")
		name = strings.TrimSpace(name)
		v := l.variables[name]
		switch {
		case !ok:
			l.add(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Invalid -var", Detail: "A variable is given as -var NAME=VALUE."})
		case v == nil:
			l.add(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Undeclared variable given",
				Detail: fmt.Sprintf("-var gives %q, but the spec declares no such variable.%s", name, suggest(name, keys(l.variables)))})
		default:
			v.given = &given{raw: raw, at: outside("-var " + name), from: "-var"}
		}
	}
}

func (l *loader) fromFiles() {
	auto, err := glob(l.dir, autoVarSuffix)
	if err != nil {
		auto = nil // parseAll read the folder before and has reported the error
	}
	for _, p := range auto {
		src, err := readSpec(p)
		l.fromFile(p, src, err)
	}
	for _, p := range l.opts.VarFiles {
		src, err := readFile(p) // may be a pipe
		l.fromFile(p, src, err)
	}
}

func (l *loader) fromFile(path string, src []byte, err error) {
	if err != nil {
		l.add(unreadable(path, err))
		return
	}
	f := l.parseFile(filepath.Clean(path), src)
	if f == nil {
		return
	}
	body := f.Body.(*hclsyntax.Body)
	for _, b := range body.Blocks {
		l.add(problem(b.TypeRange, "Unexpected block", "A variable file holds values only, written as name = value."))
	}
	for _, name := range keys(body.Attributes) {
		l.fromAttr(body.Attributes[name])
	}
}

func (l *loader) fromAttr(a *hclsyntax.Attribute) {
	v := l.variables[a.Name]
	if v == nil {
		l.mask(a.Expr.Range()) // it may be sensitive
		l.add(warning(a.NameRange, "Undeclared variable given", "The spec declares no variable %q, so this value is not used.%s", a.Name, suggest(a.Name, keys(l.variables))))
		return
	}
	l.maskFor(v, a.Expr.Range())
	v.given = &given{expr: a.Expr, at: a.Expr.Range(), from: "this file"}
}

// valueOf returns the value of a variable, marked if it is sensitive. It is
// unknown if there is no valid value.
func (l *loader) valueOf(v *variable) cty.Value {
	out := cty.UnknownVal(v.ty)
	if v.given == nil {
		l.add(problem(v.at, "Missing value of a variable",
			"%q has no default. Give it a value: -var %s=..., a line in a file *%s beside the spec, or PMK_VAR_%s in the environment.", v.name, v.name, autoVarSuffix, v.name))
	} else if val, ok := l.given(v); ok {
		out = val
	}
	if v.sensitive {
		l.noteSecret(out)
		return out.Mark(sensitive)
	}
	return out
}

func (l *loader) given(v *variable) (cty.Value, bool) {
	val, diags := l.givenValue(v)
	if v.sensitive && diags.HasErrors() {
		diags = hcl.Diagnostics{problem(v.given.at, "Invalid value for variable", "The value of the sensitive variable %q, from %s, cannot be read. Write a literal value.", v.name, v.given.from)}
	}
	l.diags = append(l.diags, diags...)
	if diags.HasErrors() {
		return cty.DynamicVal, false
	}
	if v.sensitive {
		l.noteSecret(val)
	}
	if v.defaults != nil && !val.IsNull() {
		val = v.defaults.Apply(val)
	}
	out, err := convertTo(val, v.ty)
	if err != nil {
		l.add(problem(v.given.at, "Invalid value for variable", "%q is declared as %s, and %s does not fit: %s.", v.name, typeexpr.TypeString(v.ty), v.given.from, explain(err)))
	}
	return out, err == nil
}

func (l *loader) givenValue(v *variable) (cty.Value, hcl.Diagnostics) {
	g := v.given
	if g.expr != nil {
		return l.literalExpr(g.expr)
	}
	if v.ty.IsPrimitiveType() || v.ty == cty.DynamicPseudoType {
		return cty.StringVal(g.raw), nil
	}
	if d := scan(g.at.Filename, []byte(g.raw)); d != nil {
		return cty.DynamicVal, hcl.Diagnostics{d}
	}
	e, diags := hclsyntax.ParseExpression([]byte(g.raw), g.at.Filename, hcl.InitialPos)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	return l.literalExpr(e)
}

// explain adds to an error the place in the value.
func explain(err error) string {
	pe, ok := err.(cty.PathError)
	if !ok || len(pe.Path) == 0 {
		return err.Error()
	}
	var b strings.Builder
	for _, s := range pe.Path {
		switch s := s.(type) {
		case cty.GetAttrStep:
			b.WriteString("." + s.Name)
		case cty.IndexStep:
			b.WriteString(indexString(s.Key))
		}
	}
	return strings.TrimPrefix(b.String(), ".") + ": " + pe.Error()
}

func indexString(k cty.Value) string {
	switch {
	case !k.IsKnown() || k.IsNull() || k.IsMarked():
		return "[...]"
	case k.Type() == cty.String:
		return fmt.Sprintf("[%q]", k.AsString())
	case k.Type() == cty.Number:
		return "[" + k.AsBigFloat().Text('f', 0) + "]"
	}
	return "[...]"
}

// validate checks the validation blocks of a variable.
func (l *loader) validate(v *variable, val cty.Value) {
	child := &hcl.EvalContext{Functions: l.root.Functions, Variables: map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{v.name: val}), "local": cty.EmptyObjectVal}}
	for _, b := range v.block.Body.Blocks {
		if b.Type == "validation" {
			l.validation(v, b, child)
		}
	}
}

func (l *loader) validation(v *variable, b *hclsyntax.Block, evalCtx *hcl.EvalContext) {
	cond, msg := b.Body.Attributes["condition"], b.Body.Attributes["error_message"]
	if cond == nil || msg == nil {
		return // reported by checkShape
	}
	ok, _ := l.eval(cond.Expr, evalCtx).Unmark()
	ok, err := convertTo(ok, cty.Bool)
	switch {
	case err != nil || ok.IsNull():
		l.add(problem(cond.Expr.Range(), "Invalid validation", "A condition is an expression that is true or false."))
	case ok.IsKnown() && ok.False():
		l.add(problem(v.given.at, "Invalid value for variable", "The value of %q, from %s, is refused: %s", v.name, v.given.from, l.message(msg, evalCtx)))
	}
}

func (l *loader) message(a *hclsyntax.Attribute, evalCtx *hcl.EvalContext) string {
	m := l.eval(a.Expr, evalCtx)
	s, err := convertTo(m, cty.String)
	if err != nil || s.IsMarked() || !s.IsKnown() || s.IsNull() {
		return "it does not meet the condition of " + place(a.Range()) + "."
	}
	return s.AsString()
}
