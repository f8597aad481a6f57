package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // images of CI pipelines often have no time zones

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/pmkctl/pmkctl/modules/preflight"
)

// A Policy is a condition for plans. It has everything to evaluate it without
// the spec.
type Policy struct {
	Name      string
	Condition Source          // must be true
	Message   Source          // the message otherwise
	Severity  preflight.Level // error or warning
	Timezone  string          // "UTC", "Europe/Berlin"
	Given     string          // the values of variables and locals that both refer to, as JSON with types
	Range     hcl.Range       // of the block
}

// A Source is an expression as written by the author.
type Source struct {
	Text  string
	Range hcl.Range
}

// A PolicyVerdict is the result of a policy.
type PolicyVerdict struct {
	Name     string          `json:"name"`
	Severity preflight.Level `json:"severity"`
	Passed   bool            `json:"passed"`
	Message  string          `json:"message"` // of the author; "" if it passed
	File     string          `json:"file"`
	Line     int             `json:"line"`
}

// Failed reports whether the plan must not be applied.
func (v PolicyVerdict) Failed() bool { return !v.Passed && v.Severity == preflight.Error }

// Judge evaluates all policies for a plan, in their order. A policy that cannot
// be evaluated does not pass.
func Judge(policies []Policy, p PlanFacts, at time.Time) []PolicyVerdict {
	var list []PolicyVerdict
	budget := newBudget()
	for _, policy := range policies {
		list = append(list, policy.judge(p, at, budget))
	}
	return list
}

func (p Policy) judge(facts PlanFacts, at time.Time, b *budget) PolicyVerdict {
	v := PolicyVerdict{Name: p.Name, Severity: p.Severity, File: p.Range.Filename, Line: p.Range.Start.Line}
	ok, message, err := p.ask(facts.value(), at, b)
	switch {
	case err != nil:
		v.Message = fmt.Sprintf("It cannot be evaluated: %v", err)
	case ok:
		v.Passed = true
	default:
		v.Message = message
	}
	return v
}

// ask evaluates the condition, and the message if the condition is false. All
// values of plan must be known.
func (p Policy) ask(plan cty.Value, at time.Time, b *budget) (bool, string, error) {
	evalCtx, err := p.context(plan, at)
	if err != nil {
		return false, "", err
	}
	condition, diags := p.Condition.eval(evalCtx, cty.Bool, b)
	if diags.HasErrors() {
		return false, "", errors.New(diags[0].Summary + ": " + diags[0].Detail)
	}
	if condition.True() {
		return true, "", nil
	}
	message, diags := p.Message.eval(evalCtx, cty.String, b)
	if diags.HasErrors() {
		return false, "", errors.New(diags[0].Summary + ": " + diags[0].Detail)
	}
	return false, message.AsString(), nil
}

// context returns the names and functions that a policy may use.
func (p Policy) context(plan cty.Value, at time.Time) (*hcl.EvalContext, error) {
	zone, err := time.LoadLocation(p.Timezone)
	if err != nil {
		return nil, err
	}
	vars := map[string]cty.Value{"plan": plan, "time": timeValue(at.In(zone))}
	given := ctyjson.SimpleJSONValue{Value: cty.EmptyObjectVal}
	if p.Given != "" {
		if err := json.Unmarshal([]byte(p.Given), &given); err != nil {
			return nil, fmt.Errorf("read the values of variables: %w", err)
		}
	}
	for root := range given.Type().AttributeTypes() {
		vars[root] = given.GetAttr(root)
	}
	return &hcl.EvalContext{Variables: vars, Functions: policyFunctions()}, nil
}

// policyFunctions returns the functions that do not need the spec.
func policyFunctions() map[string]function.Function {
	out := functions(".", func(cty.Value) {})
	for _, name := range fileFunctions {
		delete(out, name)
	}
	return out
}

// fileFunctions cannot be called in policies: two need files, and the value of
// sensitive would be in saved plans.
var fileFunctions = []string{"file", "fileexists", "sensitive"}

// eval returns the converted value of the expression. It is unknown if the
// expression refers to unknown values.
func (s Source) eval(evalCtx *hcl.EvalContext, t cty.Type, b *budget) (cty.Value, hcl.Diagnostics) {
	e, diags := s.parse()
	if diags.HasErrors() {
		return cty.UnknownVal(t), diags
	}
	b.meter(e)
	v, diags := (&metered{Expression: e, budget: b, glance: true}).Value(evalCtx)
	if diags.HasErrors() {
		for i, d := range diags {
			diags[i] = improve(d, e, evalCtx)
		}
		return cty.UnknownVal(t), diags
	}
	out, err := convertTo(v, t)
	switch {
	case err != nil && t == cty.Bool:
		return cty.UnknownVal(t), hcl.Diagnostics{problem(s.Range, "Invalid condition", "A condition is an expression that is true or false; this is %s.", an(v.Type().FriendlyName()))}
	case err != nil:
		return cty.UnknownVal(t), hcl.Diagnostics{problem(s.Range, "Invalid message", "A message is text; this is %s.", an(v.Type().FriendlyName()))}
	case out.IsNull():
		return cty.UnknownVal(t), hcl.Diagnostics{problem(s.Range, "Invalid policy", "This is null. Write what a plan must be, or what to tell.")}
	}
	return out, nil
}

func (s Source) parse() (hclsyntax.Expression, hcl.Diagnostics) {
	src := []byte(s.Text + "\n") // a heredoc needs it
	if d := scan(s.Range.Filename, src); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	return hclsyntax.ParseExpression(src, s.Range.Filename, s.Range.Start)
}
