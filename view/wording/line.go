package wording

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/view/fielddiff"
)

// LineKind is what a line of a change is.
type LineKind string

// The kinds of lines.
const (
	FileLine  LineKind = "line"  // of a file, an object or a long value; its sign is + or -, or a blank if it stays
	FieldLine LineKind = "field" // "path.to.field: old -> new"; its sign is +, - or ~
	GapLine   LineKind = "gap"   // lines that stay are omitted here; no text
	NoteLine  LineKind = "note"  // words about the lines: what cannot be seen in them
)

// A Line is one line of the difference in a file or an object.
type Line struct {
	Kind  LineKind
	Sign  string // "+", "-", "~" or " "
	Depth int    // below a field: 1, else 0
	Text  string // without the sign, a newline or colours; what does not print is escaped
}

// contextLines are the lines shown around a changed one.
const contextLines = 2

// Lines returns a change line by line; a new or removed file has all its
// lines. A file whose format is known has its fields instead, if these say
// all. There are no lines where the headline says all: for a change of no
// file, for a secret, and for a unit in which only the hash of its inputs
// changes.
func Lines(c change.Change) []Line {
	if !c.HasLines() || c.Secret || hashOnly(c) {
		return nil
	}
	if fields := Fields(c); len(fields) > 0 {
		return fieldLines(fields)
	}
	if !c.IsText() && c.Want != "" {
		return nil
	}
	return textLines(c.Have, c.Want)
}

// Fields returns the fields of a file or an object that differ, except the
// hash of a unit's inputs, which says nothing to people. It returns none
// where lines say more, and none for a file that is new or removed.
func Fields(c change.Change) []fielddiff.Field {
	if !c.HasLines() || c.Secret || c.Have == "" || c.Want == "" {
		return nil
	}
	path := c.Item
	if !c.IsPath() {
		path = "object.yaml"
	}
	fields, _ := fielddiff.Compare(path, inputsLine.ReplaceAllString(c.Have, ""), inputsLine.ReplaceAllString(c.Want, ""))
	return fields
}

func fieldLines(fields []fielddiff.Field) []Line {
	var out []Line
	for _, f := range fields {
		out = append(out, fieldLine(f)...)
	}
	return out
}

// fieldWidth is what a line of a field may have, so that with its
// indentation it fits a terminal.
const fieldWidth = 68

func fieldLine(f fielddiff.Field) []Line {
	sign := map[change.Action]string{change.Add: "+", change.Remove: "-", change.Update: "~"}[f.Action]
	var text string
	switch {
	case f.Action == change.Update:
		text = fmt.Sprintf("%s: %s -> %s", f.Path, f.Have, f.Want)
	case f.Have.IsFlag() || f.Want.IsFlag():
		text = f.Path
	case f.Have != nil:
		text = fmt.Sprintf("%s: %s", f.Path, f.Have)
	default:
		text = fmt.Sprintf("%s: %s", f.Path, f.Want)
	}
	if !f.Have.Long() && !f.Want.Long() && (f.Action != change.Update || utf8.RuneCountInString(text) <= fieldWidth) {
		return []Line{{FieldLine, sign, 0, Visible(text)}}
	}
	out := []Line{{FieldLine, sign, 0, Visible(f.Path) + ":"}}
	for _, l := range textLines(f.Have.Text(), f.Want.Text()) {
		l.Depth = 1
		out = append(out, l)
	}
	return out
}

const noNewline = `\ No newline at end of file`

// textLines is a unified diff without its header.
func textLines(have, want string) []Line {
	u, err := udiff.ToUnified("", "", have, udiff.Lines(have, want), contextLines)
	if err != nil || u == "" {
		return nil
	}
	var out []Line
	open := 0                                                                   // ends without a newline
	for _, line := range strings.Split(strings.TrimSuffix(u, "\n"), "\n")[2:] { // behind --- and +++
		switch {
		case line == noNewline:
			open++
			out = append(out, Line{Kind: NoteLine, Sign: " ", Text: "(no newline at the end)"})
		case strings.HasPrefix(line, "@@"):
			if len(out) > 0 {
				out = append(out, Line{Kind: GapLine, Sign: " "})
			}
		default:
			out = append(out, Line{FileLine, line[:1], 0, Visible(line[1:])})
		}
	}
	if open == 1 && have != "" && want != "" {
		return out
	}
	return withoutNotes(out) // a new file, or it was so before
}

func withoutNotes(lines []Line) (out []Line) {
	for _, l := range lines {
		if l.Kind != NoteLine {
			out = append(out, l)
		}
	}
	return out
}

// Visible escapes characters that move the cursor, change colours or cannot
// be seen: the content of a host's file must not draw on the reader's screen.
func Visible(text string) string {
	if strings.IndexFunc(text, hidden) < 0 {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x80 && hidden(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

func hidden(r rune) bool { return r == utf8.RuneError || r != '\t' && !unicode.IsPrint(r) }

// String returns the line with its indentation and sign.
func (l Line) String() string {
	indent := strings.Repeat("    ", l.Depth)
	if l.Kind == GapLine {
		return indent + "  ..."
	}
	return indent + l.Sign + " " + l.Text
}
