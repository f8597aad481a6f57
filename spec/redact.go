package spec

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// mark is the type of the mark of sensitive values.
type mark string

const sensitive mark = "sensitive"

// minSecret is the shortest value that is masked. Shorter ones would hide
// ordinary words.
const minSecret = 4

// maxDetail is the longest detail of a message, in bytes.
const maxDetail = 1500

// noteSecret adds the strings in a sensitive value to those that are masked.
func (l *loader) noteSecret(v cty.Value) {
	v, _ = v.UnmarkDeep()
	_ = cty.Walk(v, func(_ cty.Path, e cty.Value) (bool, error) {
		if e.Type() == cty.String && e.IsKnown() && !e.IsNull() {
			l.noteString(e.AsString())
		}
		return true, nil
	})
}

func (l *loader) noteString(s string) {
	if len(s) < minSecret {
		return
	}
	l.secrets = append(l.secrets, s)
	if q := strings.Trim(strconv.Quote(s), `"`); q != s {
		l.secrets = append(l.secrets, q)
	}
}

func (l *loader) mask(r hcl.Range) { l.masks = append(l.masks, r) }

// redact removes sensitive values from messages.
func (l *loader) redact(diags hcl.Diagnostics) hcl.Diagnostics {
	for _, d := range diags {
		for _, s := range l.secrets {
			d.Summary = strings.ReplaceAll(d.Summary, s, "(sensitive)")
			d.Detail = strings.ReplaceAll(d.Detail, s, "(sensitive)")
		}
		if len(d.Detail) > maxDetail {
			d.Detail = strings.ToValidUTF8(d.Detail[:maxDetail], "") + " ..."
		}
	}
	return diags
}

// sources returns the files with asterisks in place of sensitive text.
func (l *loader) sources() map[string]*hcl.File {
	out := map[string]*hcl.File{}
	for name, f := range l.files {
		c := *f
		c.Bytes = bytes.Clone(f.Bytes)
		if !showable(f.Bytes) {
			c.Bytes = nil
		}
		for _, s := range l.secrets {
			c.Bytes = bytes.ReplaceAll(c.Bytes, []byte(s), stars(len(s)))
		}
		out[name] = &c
	}
	for _, r := range l.masks {
		if f := out[r.Filename]; f != nil && r.CanSliceBytes(f.Bytes) {
			blot(r.SliceBytes(f.Bytes))
		}
	}
	return out
}

// maxLine is the longest line in snippets, in bytes.
const maxLine = 16 << 10

// showable reports whether a file can be used for snippets. hcl's writer hangs
// on some invalid UTF-8, and a line of a megabyte is of no use.
func showable(src []byte) bool {
	for line := range bytes.Lines(src) {
		if len(line) > maxLine {
			return false
		}
	}
	return utf8.Valid(src)
}

func stars(n int) []byte { return bytes.Repeat([]byte("*"), n) }

// blot overwrites text with asterisks. Line breaks stay, so that line numbers
// are still right.
func blot(b []byte) {
	for i, c := range b {
		if c != '\n' && c != '\r' {
			b[i] = '*'
		}
	}
}

var (
	secretLine = regexp.MustCompile(`(?m)^\s*(default|\w*(?:password|secret|token)\w*)\s*=(.*)$`)
	varLine    = regexp.MustCompile(`(?m)=(.*)$`)
)

// maskLines masks all text that may be sensitive in a file that cannot be
// parsed, because its variables are unknown.
func (l *loader) maskLines(name string, src []byte) {
	re := secretLine
	if strings.HasSuffix(name, ".hclvars") || l.isVarFile(name) {
		re = varLine
	}
	for _, m := range re.FindAllSubmatchIndex(src, -1) {
		at := hcl.Range{Filename: name}
		at.Start.Byte, at.End.Byte = m[len(m)-2], m[len(m)-1]
		l.mask(at)
	}
}

func (l *loader) isVarFile(name string) bool {
	for _, f := range l.opts.VarFiles {
		if f == name {
			return true
		}
	}
	return false
}
