package spec

import (
	"errors"
	"math/big"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Limits of evaluation. Without them, a few locals that double each other would
// use all memory, and nested loops would never end.
const (
	maxUnits = 10_000_000 // a value costs unitValue, a string its bytes as well
	maxTime  = 20 * time.Second

	unitValue = 16
	maxBits   = 1100 // of a number, on either side of the point: 1e308 has 1024
)

var errNumber = errors.New("this number is larger or smaller than a spec can use")

// A budget is what remains for evaluating one spec.
type budget struct {
	remaining int64
	deadline  time.Time
}

func newBudget() *budget { return &budget{remaining: maxUnits, deadline: time.Now().Add(maxTime)} }

func (b *budget) over() bool { return b.remaining <= 0 }

// spend charges for a new value.
func (b *budget) spend(v cty.Value) {
	b.weigh(v)
	if time.Now().After(b.deadline) {
		b.remaining = 0
	}
}

func (b *budget) weigh(v cty.Value) {
	b.remaining -= unitValue
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() {
		return
	}
	if v.Type() == cty.String {
		b.remaining -= int64(len(v.AsString()))
	}
	if !v.CanIterateElements() {
		return
	}
	for it := v.ElementIterator(); it.Next() && b.remaining > 0; {
		_, e := it.Element()
		b.weigh(e)
	}
}

// A metered expression charges the budget for its value.
type metered struct {
	hclsyntax.Expression
	budget *budget
	glance bool // charge only for the top elements: an argument is not copied
}

func (m *metered) Value(evalCtx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if m.budget.over() {
		return cty.DynamicVal, hcl.Diagnostics{m.exhausted()}
	}
	v, diags := m.Expression.Value(evalCtx)
	if m.glance {
		m.budget.remaining -= unitValue + int64(length(v))/4
	} else {
		m.budget.spend(v)
	}
	return v, diags
}

func (m *metered) exhausted() *hcl.Diagnostic { return exhausted(m.Range()) }

const summaryTooLarge = "Spec too large to evaluate"

func exhausted(at hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  summaryTooLarge,
		Detail:   "The values of this spec grow beyond what a cluster needs. Look for loops in loops, or locals that repeat each other.",
		Subject:  at.Ptr(),
	}
}

func length(v cty.Value) int {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return 0
	}
	return v.LengthInt()
}

// meter rewrites an expression so that every part that makes a value charges
// for it.
func (b *budget) meter(e hclsyntax.Expression) { _ = hclsyntax.Walk(e, rewriter{b}) }

type rewriter struct{ budget *budget }

func (r rewriter) Enter(hclsyntax.Node) hcl.Diagnostics { return nil }

func (r rewriter) Exit(n hclsyntax.Node) hcl.Diagnostics {
	switch e := n.(type) {
	case *hclsyntax.TemplateExpr:
		r.all(e.Parts, false)
	case *hclsyntax.TupleConsExpr:
		r.all(e.Exprs, false)
	case *hclsyntax.FunctionCallExpr:
		r.all(e.Args, true)
	case *hclsyntax.ObjectConsExpr:
		for i := range e.Items {
			r.one(&e.Items[i].ValueExpr, false)
		}
	case *hclsyntax.ForExpr:
		r.one(&e.KeyExpr, false)
		r.one(&e.ValExpr, false)
		r.one(&e.CondExpr, false)
	case *hclsyntax.SplatExpr:
		r.one(&e.Each, false)
	case *hclsyntax.BinaryOpExpr:
		e.Op = tamedOp(e.Op)
	case *hclsyntax.UnaryOpExpr:
		e.Op = tamedOp(e.Op)
	}
	return nil
}

func (r rewriter) all(es []hclsyntax.Expression, glance bool) {
	for i := range es {
		r.one(&es[i], glance)
	}
}

func (r rewriter) one(e *hclsyntax.Expression, glance bool) {
	switch (*e).(type) {
	case nil, *hclsyntax.LiteralValueExpr, *metered:
	default: // hcl's walkers still find the expression within parentheses
		in := &hclsyntax.ParenthesesExpr{Expression: *e, SrcRange: (*e).Range()}
		*e = &metered{in, r.budget, glance}
	}
}

func tamedOp(op *hclsyntax.Operation) *hclsyntax.Operation {
	out := *op
	out.Impl = tamed(op.Impl)
	return &out
}

// tamed returns f with two changes: it refuses numbers that cannot be printed,
// and its errors do not show sensitive arguments.
func tamed(f function.Function) function.Function {
	s := &function.Spec{
		Type: func(args []cty.Value) (cty.Type, error) {
			t, err := f.ReturnTypeForValues(args)
			return t, discreet(args, err)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return callTamed(f, args) },
	}
	for _, p := range f.Params() {
		s.Params = append(s.Params, open(p))
	}
	if p := f.VarParam(); p != nil {
		p := open(*p)
		s.VarParam = &p
	}
	return function.New(s)
}

// open lets all values through to the function behind, which decides about
// them.
func open(p function.Parameter) function.Parameter {
	p.AllowNull, p.AllowUnknown, p.AllowDynamicType, p.AllowMarked = true, true, true, true
	return p
}

func callTamed(f function.Function, args []cty.Value) (cty.Value, error) {
	for i, a := range args {
		if a.Type() == cty.Number && !finite(a) { // numbers inside other values were checked when these were made
			return cty.NilVal, function.NewArgError(i, errNumber)
		}
	}
	v, err := f.Call(args)
	if err != nil {
		return cty.NilVal, discreet(args, err)
	}
	if !finite(v) {
		return cty.NilVal, errNumber
	}
	return v, nil
}

func discreet(args []cty.Value, err error) error {
	if err == nil {
		return nil
	}
	for _, a := range args {
		if a.ContainsMarked() {
			return errors.New("a sensitive argument does not fit")
		}
	}
	return err
}

// finite reports whether every number in v can be printed in one line.
func finite(v cty.Value) bool {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() {
		return true
	}
	if v.Type() == cty.Number {
		return printable(v.AsBigFloat())
	}
	if !v.CanIterateElements() {
		return true
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); !finite(e) {
			return false
		}
	}
	return true
}

func printable(f *big.Float) bool {
	exp := f.MantExp(nil)
	return !f.IsInf() && exp <= maxBits && exp >= -maxBits
}
