package spec

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// An Input is what a saved plan needs to know about a declared variable.
type Input struct {
	Name      string
	Type      string // as the spec writes it: "list(string)"
	Sensitive bool

	strings []string // of a sensitive value
}

// input returns the Input of a variable. The strings of its value are kept only
// if it is sensitive.
func (v *variable) input(val cty.Value) Input {
	in := Input{Name: v.name, Type: typeexpr.TypeString(v.ty), Sensitive: v.sensitive}
	if v.sensitive {
		in.strings = texts(val)
	}
	return in
}

// texts returns all strings, numbers and booleans in a value, as text.
func texts(v cty.Value) []string {
	var list []string
	v, _ = v.UnmarkDeep()
	_ = cty.Walk(v, func(_ cty.Path, e cty.Value) (bool, error) {
		if !e.IsKnown() || e.IsNull() || !e.Type().IsPrimitiveType() {
			return true, nil
		}
		if s, err := convert.Convert(e, cty.String); err == nil {
			list = append(list, s.AsString())
		}
		return true, nil
	})
	return list
}

// A SecretField is a field of a cluster that holds a secret.
type SecretField struct {
	Name   string // "cp-1.become_password"
	Secret *Secret
	Inputs []string // sensitive variables with this value; none if it was computed, or written in the spec
}

// Secrets returns the secrets of a cluster that are set, in the order of the
// hosts.
func (c *Cluster) Secrets() []SecretField {
	var list []SecretField
	add := func(name string, s *Secret) {
		if s.value != "" {
			list = append(list, SecretField{name, s, c.inputsOf(s.value)})
		}
	}
	for _, f := range c.secretFields() {
		add(f.Name, f.Secret)
	}
	return list
}

// SecretField returns the secret of that name, even if it is not set; nil if
// there is no such field.
func (c *Cluster) SecretField(name string) *Secret {
	for _, f := range c.secretFields() {
		if f.Name == name {
			return f.Secret
		}
	}
	return nil
}

func (c *Cluster) secretFields() []SecretField {
	var list []SecretField
	for _, h := range c.AllHosts() {
		list = append(list, SecretField{Name: h.Name + ".become_password", Secret: &h.SSH.BecomePassword})
		if h.SSH.Bastion != nil {
			list = append(list, SecretField{Name: h.Name + ".bastion.become_password", Secret: &h.SSH.Bastion.BecomePassword})
		}
	}
	return list
}

func (c *Cluster) inputsOf(value string) []string {
	var names []string
	for _, in := range c.Inputs {
		if slices.Contains(in.strings, value) {
			names = append(names, in.Name)
		}
	}
	return names
}

// InputValues returns the strings of the values that opts and the files
// *.auto.hclvars in dir give for inputs. Precedence is as in Load, but there is
// no spec and so no defaults. Inputs without a value are not in the result. An
// unknown name is an error only in opts.Vars.
func InputValues(dir string, inputs []Input, opts Options) (map[string][]Secret, map[string]*hcl.File, hcl.Diagnostics) {
	l := newLoader(dir, opts)
	for _, in := range inputs {
		l.variables[in.Name] = &variable{name: in.Name, ty: in.rawType(), sensitive: true}
	}
	l.fromEnv()
	l.fromFiles()
	l.fromArgs()
	out := map[string][]Secret{}
	for _, name := range slices.Sorted(maps.Keys(l.variables)) {
		v := l.variables[name]
		if v.given == nil {
			continue
		}
		val, diags := l.givenValue(v)
		if diags.HasErrors() {
			l.add(problem(v.given.at, "Invalid value for variable", "The value of the sensitive variable %q, from %s, cannot be read. Write a literal value.", name, v.given.from))
			continue
		}
		l.noteSecret(val)
		out[name] = []Secret{}
		for _, s := range texts(val) {
			out[name] = append(out[name], NewSecret(s))
		}
	}
	return out, l.sources(), l.redact(tidy(onlyErrors(l.diags)))
}

// rawType returns the type that decides whether a value on the command line is
// a plain string or an expression.
func (in Input) rawType() cty.Type {
	switch in.Type {
	case "string", "number", "bool", "any", "":
		return cty.String
	}
	return cty.Map(cty.DynamicPseudoType)
}

func onlyErrors(diags hcl.Diagnostics) hcl.Diagnostics {
	var out hcl.Diagnostics
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			out = append(out, d)
		}
	}
	return out
}
