package fielddiff

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// A Value is a scalar, a mapping or a list.
type Value struct {
	kind  kind
	typ   string            // of a scalar, as YAML names it: str, int, ...; arg of a string that needs no quotes
	text  string            // of a scalar, as it is written; of a string, what it says
	keys  []string          // of a mapping, in the order of the file
	at    map[string]*Value // of a mapping
	items []*Value          // of a list
	argv  bool              // a list that is a command line
	fixed bool              // the values of a repeated key: shown as lines if they change
}

type kind int

const (
	scalar kind = iota
	mapping
	list
)

// newScalar is a scalar of a type and a text.
func newScalar(typ, text string) *Value { return &Value{typ: typ, text: text} }

func newMapping() *Value { return &Value{kind: mapping, at: map[string]*Value{}} }

// put is false if the key is there already.
func (v *Value) put(key string, value *Value) bool {
	if _, double := v.at[key]; double {
		return false
	}
	v.keys = append(v.keys, key)
	v.at[key] = value
	return true
}

func equal(a, b *Value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case scalar:
		return a.typ == b.typ && a.text == b.text
	case list:
		if len(a.items) != len(b.items) {
			return false
		}
		for i := range a.items {
			if !equal(a.items[i], b.items[i]) {
				return false
			}
		}
		return true
	}
	if len(a.keys) != len(b.keys) {
		return false
	}
	for _, k := range a.keys {
		if other := b.at[k]; other == nil || !equal(a.at[k], other) {
			return false
		}
	}
	return true
}

// notString are plain scalars that YAML takes for something else than a
// string, be it in version 1.1, which Kubernetes reads, or in 1.2.
var notString = regexp.MustCompile(`^(?i:~|null|true|false|y|yes|n|no|on|off|[-+]?\.(inf|nan)|` +
	`[-+]?0[xob]?[0-9a-f_]+|[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9_]+)(e[-+]?[0-9]+)?|` +
	`[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)$`)

// String is the value on one line. A string that could be taken for
// something else is quoted. Of a string with several lines, or a mapping or
// list, Lines are easier to read.
func (v *Value) String() string {
	switch {
	case v.kind == scalar && v.typ == "str":
		return word(v.text, "")
	case v.kind == scalar && v.typ == "arg":
		if v.text != "" && printable(v.text) && strings.TrimSpace(v.text) == v.text {
			return v.text
		}
		return strconv.Quote(v.text)
	case v.kind == scalar && v.typ == "flag":
		return "(no value)"
	}
	return v.flow()
}

// flow is the value as YAML has it on one line.
func (v *Value) flow() string {
	var parts []string
	switch {
	case v.argv:
		return v.commandLine(" ")
	case v.kind == list:
		for _, item := range v.items {
			parts = append(parts, item.flow())
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case v.kind == mapping:
		for _, k := range v.keys {
			parts = append(parts, word(k, ",[]{}")+": "+v.at[k].flow())
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	if v.typ == "str" || v.typ == "arg" {
		return word(v.text, ",[]{}")
	}
	return v.text
}

func (v *Value) commandLine(between string) string {
	var words []string
	for _, item := range v.items {
		w := item.text
		if strings.ContainsAny(w, " \t") && !strings.ContainsAny(w, "\"'\\") {
			w = `"` + w + `"`
		}
		words = append(words, w)
	}
	return strings.Join(words, between)
}

// word is a string, quoted if it could be taken for something else or has
// one of these characters.
func word(text, chars string) string {
	if text == "" || notString.MatchString(text) || !printable(text) || strings.TrimSpace(text) != text ||
		strings.ContainsAny(text[:1], "[]{}\"'#&*!|>%@`,") || strings.ContainsAny(text, chars) ||
		strings.Contains(text, ": ") || strings.HasSuffix(text, ":") || strings.Contains(text, " -> ") || strings.Contains(text, " #") {
		return strconv.Quote(text)
	}
	return text
}

func printable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// Text is the value as lines: a string with several lines as it is, a
// mapping or list as YAML, nothing of no value.
func (v *Value) Text() string {
	if v == nil {
		return ""
	}
	if v.kind == scalar {
		if strings.Contains(v.text, "\n") {
			return v.text
		}
		return v.String()
	}
	if v.argv {
		return v.commandLine("\n  ")
	}
	var b strings.Builder
	v.block(&b, "")
	return b.String()
}

// Long reports whether Text has several lines, of which String would make one
// that is hard to read.
func (v *Value) Long() bool {
	return v != nil && (v.kind == scalar && strings.Contains(v.text, "\n") || v.kind != scalar && len(v.String()) > 60)
}

// IsFlag reports whether it stands for the value of an option that takes none.
func (v *Value) IsFlag() bool { return v != nil && v.kind == scalar && v.typ == "flag" }

// block writes YAML below an indentation, which the first line has already.
func (v *Value) block(b *strings.Builder, indent string) {
	switch {
	case v.kind == mapping && len(v.keys) > 0:
		for i, k := range v.keys {
			if i > 0 {
				b.WriteString(indent)
			}
			b.WriteString(word(k, "") + ":")
			v.at[k].inside(b, indent)
		}
	case v.kind == list && len(v.items) > 0:
		for i, item := range v.items {
			if i > 0 {
				b.WriteString(indent)
			}
			b.WriteString("- ")
			item.block(b, indent+"  ")
		}
	case v.kind == scalar && strings.Contains(v.text, "\n"):
		b.WriteString("|\n")
		for line := range strings.Lines(v.text) {
			b.WriteString(indent + strings.TrimSuffix(line, "\n") + "\n")
		}
	default:
		b.WriteString(v.String() + "\n")
	}
}

// inside writes what follows a key.
func (v *Value) inside(b *strings.Builder, indent string) {
	switch {
	case v.kind == mapping && len(v.keys) > 0:
		b.WriteString("\n" + indent + "  ")
		v.block(b, indent+"  ")
	case v.kind == list && len(v.items) > 0:
		b.WriteString("\n" + indent)
		v.block(b, indent)
	default:
		b.WriteString(" ")
		v.block(b, indent+"  ")
	}
}
