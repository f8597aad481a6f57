package spec

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// maxInstances is how many blocks for_each may make.
const maxInstances = 5000

// instances evaluates a block once, or, with for_each, once for every key in
// the order of the keys. The key is then the label of the node. It returns nil,
// false if the keys are unknown.
func (l *loader) instances(b *hclsyntax.Block, t *block) ([]*node, bool) {
	a := b.Body.Attributes["for_each"]
	if a == nil {
		return []*node{l.node(b, t, l.root)}, len(b.Labels) > 0
	}
	each := l.eval(a.Expr, l.root)
	if d := checkForEach(each, a.Expr.Range()); d != nil || !each.IsKnown() {
		l.add(d)
		return nil, false
	}
	var out []*node
	for it := each.ElementIterator(); it.Next(); {
		k, v := it.Element()
		out = append(out, l.instance(b, t, k, v))
	}
	return out, true
}

func (l *loader) instance(b *hclsyntax.Block, t *block, k, v cty.Value) *node {
	child := l.root.NewChild()
	child.Variables = map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": k, "value": v})}
	n := l.node(b, t, child)
	n.label, n.named = k.AsString(), b.Body.Attributes["for_each"].Expr.Range()
	return n
}

func checkForEach(v cty.Value, at hcl.Range) *hcl.Diagnostic {
	if v.IsMarked() {
		return problem(at, "Sensitive value not allowed here", "The keys of for_each become names. Use a value that is not sensitive.")
	}
	t := v.Type()
	switch {
	case !v.IsKnown():
		return nil // reported before
	case v.IsNull() || !(t.IsMapType() || t.IsObjectType() || t.IsSetType() && t.ElementType() == cty.String):
		return problem(at, "Invalid for_each", "for_each takes a map, an object or a set of strings, not %s. A list of names becomes one by toset(...); a list of objects by { for h in ... : h.name => h }.", article(v))
	case v.LengthInt() > maxInstances:
		return problem(at, "Invalid for_each", "for_each may make %d blocks of one; this has %d keys.", maxInstances, v.LengthInt())
	case !v.IsWhollyKnown() && t.IsSetType():
		return nil
	}
	return checkSet(v, at)
}

func article(v cty.Value) string {
	if v.IsNull() {
		return "null"
	}
	return "a " + v.Type().FriendlyName()
}

func checkSet(v cty.Value, at hcl.Range) *hcl.Diagnostic {
	if !v.Type().IsSetType() {
		return nil
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, e := it.Element(); e.IsNull() {
			return problem(at, "Invalid for_each", "A key of for_each is null. Leave it out, as compact([...]) does.")
		}
	}
	return nil
}
