package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A local is an entry of a locals block.
type local struct {
	name  string
	attr  *hclsyntax.Attribute
	state int
	val   cty.Value
}

// The states of a local.
const (
	waiting = iota
	visiting
	done
)

const maxCycle = 10 // shown names of a cycle

func (l *loader) collectLocals(b *hclsyntax.Block) {
	for _, inner := range b.Body.Blocks {
		l.add(problem(inner.TypeRange, "Unexpected block", "A locals block holds values only, written as name = value."))
	}
	for _, label := range b.LabelRanges {
		l.add(problem(label, "Unexpected label", "A locals block has no label; write locals { ... }."))
	}
	for name, a := range b.Body.Attributes {
		if have := l.locals[name]; have != nil {
			l.addDuplicate("local value", name, have.attr.NameRange, a.NameRange)
			continue
		}
		l.locals[name] = &local{name: name, attr: a}
	}
}

// addDuplicate reports the later of two places.
func (l *loader) addDuplicate(what, name string, a, b hcl.Range) {
	if before(&b, &a) {
		a, b = b, a
	}
	l.add(problem(b, "Duplicate "+what, "There is a %s %q at %s already. Give one of them another name, or remove it.", what, name, place(a)))
}

func (l *loader) evalLocals() {
	for _, name := range keys(l.locals) {
		l.prepare(l.locals[name].attr.Expr, false)
	}
	all := map[string]cty.Value{}
	for _, name := range keys(l.locals) {
		all[name] = l.evalLocal(l.locals[name], nil)
	}
	l.root.Variables["local"] = cty.ObjectVal(all)
}

// evalLocal evaluates the locals that x refers to, then x. path is the chain of
// references that led to x.
func (l *loader) evalLocal(x *local, path []string) cty.Value {
	switch x.state {
	case done:
		return x.val
	case visiting:
		l.addCycle(x, path)
		return cty.DynamicVal
	}
	x.state = visiting
	refs := l.evalRefs(x, append(path, x.name))
	if x.state != done { // a local in a cycle is unknown
		child := &hcl.EvalContext{Functions: l.root.Functions, Variables: map[string]cty.Value{"var": l.root.Variables["var"], "local": cty.ObjectVal(refs)}}
		x.val, x.state = l.eval(x.attr.Expr, child), done
	}
	return x.val
}

func (l *loader) evalRefs(x *local, path []string) map[string]cty.Value {
	refs := map[string]cty.Value{}
	for _, t := range x.attr.Expr.Variables() {
		name, _ := second(t)
		if dep := l.locals[name]; t.RootName() == "local" && dep != nil {
			refs[name] = l.evalLocal(dep, path)
		}
	}
	return refs
}

// addCycle reports a cycle once, and makes all its locals unknown.
func (l *loader) addCycle(x *local, path []string) {
	start := slices.Index(path, x.name)
	cycle := append(slices.Clone(path[start:]), x.name)
	for _, name := range cycle {
		l.locals[name].val, l.locals[name].state = cty.DynamicVal, done
	}
	steps := make([]string, len(cycle)-1, len(cycle))
	for i, name := range cycle[:len(cycle)-1] {
		steps[i] = fmt.Sprintf("%s (%s)", name, place(l.locals[name].attr.NameRange))
	}
	if len(steps) > maxCycle {
		steps = append(steps[:maxCycle:maxCycle], "...")
	}
	l.add(problem(x.attr.NameRange, "Cycle of local values", "Each of these needs the next: %s. Write out the value of one of them.",
		strings.Join(append(steps, x.name), " -> ")))
}
