package spec

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

// policyRoots are the names that a policy may refer to besides variables and
// locals.
var policyRoots = []string{"plan", "time"}

// decodePolicies reads the policies and evaluates each with sample plans, so
// that mistakes are found before there is a plan.
func (l *loader) decodePolicies() []Policy {
	var list []Policy
	seen := map[string]hcl.Range{}
	for _, b := range l.all(policyBlock) {
		n := l.node(b, policyBlock, l.root)
		if first, ok := seen[n.label]; ok && n.label != "" {
			l.add(problem(n.named, "Duplicate policy", "There is a policy %q at %s already. Give one of them another name.", n.label, place(first)))
			continue
		}
		seen[n.label] = n.named
		if n.label != "" && !hclsyntax.ValidIdentifier(n.label) {
			l.add(problem(n.named, "Invalid policy name", "%q is no name; use letters, digits, dashes and underscores, and start with a letter.", n.label))
		}
		if p, ok := l.decodePolicy(b, n); ok {
			list = append(list, p)
		}
	}
	return list
}

func (l *loader) decodePolicy(b *hclsyntax.Block, n *node) (Policy, bool) {
	condition, message := b.Body.Attributes["condition"], b.Body.Attributes["error_message"]
	if condition == nil || message == nil || l.broken[condition.Expr] || l.broken[message.Expr] || !n.ok("severity") || !n.ok("timezone") {
		return Policy{}, false // reported before
	}
	p := Policy{Name: n.label, Severity: preflight.Level(n.str("severity")), Timezone: n.str("timezone"), Range: n.rng,
		Condition: l.text(condition.Expr), Message: l.text(message.Expr)}
	given, ok := l.givenTo(append(condition.Expr.Variables(), message.Expr.Variables()...))
	if !ok {
		return p, false
	}
	p.Given = given
	diags := p.try(l.budget)
	l.diags = append(l.diags, diags...)
	return p, !diags.HasErrors()
}

// text returns an expression as written in its file.
func (l *loader) text(e hclsyntax.Expression) Source {
	at := e.Range()
	return Source{Text: string(at.SliceBytes(l.files[at.Filename].Bytes)), Range: at}
}

// givenTo returns the values of the variables and locals that a policy refers
// to, as JSON. They are written into saved plans, so none may be sensitive.
func (l *loader) givenTo(refs []hcl.Traversal) (string, bool) {
	given := map[string]map[string]cty.Value{}
	for _, t := range refs {
		root := t.RootName()
		if slices.Contains(policyRoots, root) {
			continue
		}
		name, at := second(t)
		v := l.root.Variables[root].GetAttr(name)
		if v.ContainsMarked() {
			l.add(problem(at, "Sensitive value not allowed here", "A saved plan holds what its policies refer to. Leave sensitive values out of conditions and messages."))
			return "", false
		}
		if !v.IsWhollyKnown() {
			return "", false // reported before
		}
		if given[root] == nil {
			given[root] = map[string]cty.Value{}
		}
		given[root][name] = v
	}
	return encodeGiven(given), true
}

func encodeGiven(given map[string]map[string]cty.Value) string {
	if len(given) == 0 {
		return ""
	}
	all := map[string]cty.Value{}
	for root, values := range given {
		all[root] = cty.ObjectVal(values)
	}
	b, err := json.Marshal(ctyjson.SimpleJSONValue{Value: cty.ObjectVal(all)})
	if err != nil {
		panic(err) // cannot happen: the values are known
	}
	return string(b)
}

// preparePolicy prepares an expression of a policy. Its references must exist,
// and its functions must be available without the spec, when a saved plan is
// applied.
func (l *loader) preparePolicy(e hclsyntax.Expression) {
	l.prepare(e, false, policyRoots...)
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && slices.Contains(fileFunctions, call.Name) {
			l.broken[e] = true
			l.add(problem(call.NameRange, "Function not allowed here", "%s cannot be called in a policy, which is asked again when a saved plan is applied, without the spec. Give the value a name under locals, and refer to that.", call.Name))
		}
		return nil
	})
}

// try evaluates a policy with two sample plans: one with an element in every
// list and unknown values, and an empty one.
func (p Policy) try(b *budget) hcl.Diagnostics {
	monday := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	evalCtx, err := p.context(anyPlan(), monday)
	if err != nil {
		return hcl.Diagnostics{problem(p.Range, "Invalid policy", "%s.", err)}
	}
	_, diags := p.Condition.eval(evalCtx, cty.Bool, b)
	_, more := p.Message.eval(evalCtx, cty.String, b)
	if diags = append(diags, more...); diags.HasErrors() {
		return diags
	}
	evalCtx.Variables["plan"] = PlanFacts{}.value()
	ok, diags := p.Condition.eval(evalCtx, cty.Bool, b)
	if ok.IsKnown() && ok.False() {
		_, diags = p.Message.eval(evalCtx, cty.String, b)
	}
	return append(diags, p.Condition.weekdays()...)
}

// weekdays finds words that mean a weekday but differ from the form of
// time.weekday. Such a condition would be the same on every day.
func (s Source) weekdays() hcl.Diagnostics {
	e, diags := s.parse()
	if diags.HasErrors() || !slices.ContainsFunc(e.Variables(), func(t hcl.Traversal) bool {
		name, _ := second(t)
		return t.RootName() == "time" && name == "weekday"
	}) {
		return nil
	}
	diags = nil
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		literal, ok := n.(*hclsyntax.LiteralValueExpr)
		if !ok || literal.Val.IsNull() || literal.Val.Type() != cty.String {
			return nil
		}
		if day := meantDay(literal.Val.AsString()); day != "" {
			diags = append(diags, problem(literal.SrcRange, "Not a weekday", "time.weekday is never %q. Write %q.", literal.Val.AsString(), day))
		}
		return nil
	})
	return diags
}

// meantDay returns the weekday that a word means if it is written in another
// form; "" otherwise.
func meantDay(word string) string {
	for d := time.Sunday; d <= time.Saturday; d++ {
		name := d.String()
		if word != name && (strings.EqualFold(word, name) || strings.EqualFold(word, name[:3])) {
			return name
		}
	}
	return ""
}

// zone accepts names of time zones, except those that depend on the machine.
var zone = text("Unknown time zone", func(s string) error {
	if _, err := time.LoadLocation(s); err != nil || s == "" || s == "Local" {
		return fmt.Errorf("There is no time zone %q; write one such as \"UTC\" or \"Europe/Berlin\".", s)
	}
	return nil
})
