package spec

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A node is an evaluated block. Its attributes are converted and checked by
// their rules. Attributes with a mistake are unknown.
type node struct {
	rng    hcl.Range // of the block's header
	label  string
	named  hcl.Range // of the label
	attrs  map[string]value
	blocks map[string][]*node
}

// A value is an attribute of a node.
type value struct {
	cty.Value
	at  hcl.Range // of the expression
	set bool      // written in the spec, and not null
}

// checkShape checks once per block what does not depend on values: labels,
// names, required attributes and references. It reports whether the labels are
// complete.
func (l *loader) checkShape(b *hclsyntax.Block, t *block, forEach bool) bool {
	forEach = forEach || t.ForEach && b.Body.Attributes["for_each"] != nil
	for _, name := range keys(b.Body.Attributes) {
		l.checkAttr(b, b.Body.Attributes[name], t, forEach)
	}
	for _, a := range t.Attrs {
		if a.Required && b.Body.Attributes[a.Name] == nil && !misspelt(a.Name, b, t) {
			l.add(problem(b.DefRange(), "Missing attribute", "This %s needs %s: %s", t.Name, a.Name, a.Doc))
		}
	}
	l.checkInner(b, t, forEach)
	return l.checkLabels(b, t)
}

// misspelt reports whether the block has an unknown attribute that probably
// means this one.
func misspelt(name string, b *hclsyntax.Block, t *block) bool {
	attrs, inner := t.names()
	for given := range b.Body.Attributes {
		if t.attr(given) == nil && suggest(given, append(attrs, inner...)) == fmt.Sprintf(" Did you mean %q?", name) {
			return true
		}
	}
	return false
}

func (l *loader) checkAttr(b *hclsyntax.Block, a *hclsyntax.Attribute, t *block, forEach bool) {
	attrs, inner := t.names()
	switch {
	case t.attr(a.Name) == nil && find(t.Blocks, a.Name) != nil:
		l.add(problem(a.NameRange, "Unknown attribute", "%q is a block, written without the equals sign: %s { ... }.", a.Name, a.Name))
	case t.attr(a.Name) == nil && !(a.Name == "for_each" && t.ForEach):
		l.add(problem(a.NameRange, "Unknown attribute", "There is no attribute %q in %s block.%s", a.Name, an(t.Name), suggest(a.Name, append(attrs, inner...))))
	}
	if t == variableBlock {
		return // type is not a value, and default and the others are literals
	}
	if known := t.attr(a.Name); known != nil && known.OfPlan {
		l.preparePolicy(a.Expr)
		return
	}
	l.prepare(a.Expr, forEach && a.Name != "for_each")
}

func (l *loader) checkInner(b *hclsyntax.Block, t *block, forEach bool) {
	attrs, inner := t.names()
	seen := map[string]hcl.Range{}
	for _, c := range b.Body.Blocks {
		ct := t.block(c.Type)
		if ct == nil {
			l.add(unknownBlock(c, t, attrs, inner))
			continue
		}
		if first, ok := seen[c.Type]; ok && !ct.Repeat {
			l.add(problem(c.DefRange(), "Duplicate block", "There is %s block at %s already. Write both into one.", an(c.Type), place(first)))
		}
		seen[c.Type] = c.DefRange()
		l.checkShape(c, ct, forEach)
	}
}

func unknownBlock(c *hclsyntax.Block, t *block, attrs, inner []string) *hcl.Diagnostic {
	for _, a := range attrs {
		if a == c.Type {
			return problem(c.TypeRange, "Unknown block", "%q is an attribute, written with the equals sign: %s = ....", c.Type, c.Type)
		}
	}
	return problem(c.TypeRange, "Unknown block", "There is no block %q in %s block.%s", c.Type, an(t.Name), suggest(c.Type, append(inner, attrs...)))
}

func (l *loader) checkLabels(b *hclsyntax.Block, t *block) bool {
	want := 0
	if t.Label != "" {
		want = 1
	}
	switch {
	case len(b.Labels) == want:
		return true
	case want == 0:
		l.add(problem(b.LabelRanges[0], "Unexpected label", "The block %s has no label; write %s { ... }.", t.Name, t.Name))
	case len(b.Labels) == 0:
		l.add(problem(b.TypeRange, "Missing label", "The block %s has a label, the %s; write %s \"...\" { ... }.", t.Name, t.Label, t.Name))
	default:
		l.add(problem(b.LabelRanges[1], "Unexpected label", "The block %s has one label, the %s.", t.Name, t.Label))
	}
	return len(b.Labels) >= want && want > 0 || want == 0
}

// node evaluates a block by its table.
func (l *loader) node(b *hclsyntax.Block, t *block, evalCtx *hcl.EvalContext) *node {
	n := &node{rng: b.DefRange(), attrs: map[string]value{}, blocks: map[string][]*node{}}
	if len(b.Labels) > 0 {
		n.label, n.named = b.Labels[0], b.LabelRanges[0]
	}
	for i := range t.Attrs {
		n.attrs[t.Attrs[i].Name] = l.value(b, &t.Attrs[i], evalCtx)
	}
	for _, c := range b.Body.Blocks {
		if ct := t.block(c.Type); ct != nil && (ct.Repeat || len(n.blocks[c.Type]) == 0) {
			n.blocks[c.Type] = append(n.blocks[c.Type], l.node(c, ct, evalCtx))
		}
	}
	return n
}

// bare returns the node of a block that is not in the spec: all defaults.
func bare(t *block, at hcl.Range) *node {
	n := &node{rng: at, attrs: map[string]value{}, blocks: map[string][]*node{}}
	for i := range t.Attrs {
		n.attrs[t.Attrs[i].Name] = t.Attrs[i].byDefault(at)
	}
	return n
}

func (a *attr) byDefault(at hcl.Range) value {
	if a.Default == cty.NilVal {
		return value{cty.NullVal(a.Type), at, false}
	}
	return value{a.Default, at, false}
}

func (l *loader) value(b *hclsyntax.Block, a *attr, evalCtx *hcl.EvalContext) value {
	given := b.Body.Attributes[a.Name]
	if given == nil && a.Required {
		return value{cty.UnknownVal(a.Type), b.DefRange(), false} // reported by checkShape
	}
	if given == nil {
		return a.byDefault(b.DefRange())
	}
	if a.OfPlan {
		return value{cty.UnknownVal(a.Type), given.Expr.Range(), true} // known only with a plan
	}
	if a.Secret {
		l.maskLiteral(given)
	}
	at := given.Expr.Range()
	v, d := a.accept(l.eval(given.Expr, evalCtx), at)
	l.add(d)
	if v.IsKnown() && v.IsNull() && !v.IsMarked() {
		return l.null(a, given)
	}
	return value{v, at, true}
}

// null treats an attribute that is null like a missing one.
func (l *loader) null(a *attr, given *hclsyntax.Attribute) value {
	if a.Required {
		l.add(problem(given.Expr.Range(), "Missing attribute", "%s is null, but needed: %s", a.Name, a.Doc))
		return value{cty.UnknownVal(a.Type), given.Expr.Range(), false}
	}
	return a.byDefault(given.Expr.Range())
}

func (l *loader) maskLiteral(a *hclsyntax.Attribute) {
	if len(a.Expr.Variables()) == 0 {
		l.mask(a.Expr.Range())
	}
}

// accept converts a value to the type of the attribute and checks its rule.
func (a *attr) accept(v cty.Value, at hcl.Range) (cty.Value, *hcl.Diagnostic) {
	unknown := cty.UnknownVal(a.Type)
	if v.ContainsMarked() && !a.Secret {
		return unknown, problem(at, "Sensitive value not allowed here", "%s would be shown in plans and files. A sensitive value fits only into become_password.", a.Name)
	}
	plain, marks := v.UnmarkDeep()
	out, err := convertTo(plain, a.Type)
	if err != nil {
		return unknown, problem(at, "Wrong type of value", "%s takes %s: %s.", a.Name, typeName(a.Type), explain(err))
	}
	if !out.IsWhollyKnown() {
		return unknown, nil // the cause is already reported
	}
	if a.Rule != nil && !out.IsNull() {
		if err := a.Rule.Check(out); err != nil {
			return unknown, problem(at, a.Rule.Summary, "%s", err)
		}
	}
	return out.WithMarks(marks), nil
}

func typeName(t cty.Type) string {
	switch {
	case t.IsListType():
		return "a list of strings, such as [\"a\", \"b\"]"
	case t.Equals(boolMap):
		return "true or false by name, such as { name = true }"
	case t.IsMapType():
		return fmt.Sprintf("%ss by name, such as { name = ... }", t.ElementType().FriendlyName())
	case t == cty.Bool:
		return "true or false"
	}
	return "a " + t.FriendlyName()
}
