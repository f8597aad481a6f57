package view

import (
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/pmkctl/pmkctl/modules"
)

// LineKind is what a line of a change is.
type LineKind string

// The kinds of lines.
const (
	FileLine  LineKind = "line"  // of a file or object; its sign is + or -, or a blank if it stays
	FieldLine LineKind = "field" // "path.to.field: old -> new"; its sign is +, - or ~
	GapLine   LineKind = "gap"   // lines that stay are left out here; no text
)

// A Line is one line of what becomes of a file or an object. Text, page and
// Markdown all show these.
type Line struct {
	Kind LineKind
	Sign string // "+", "-", "~" or " "
	Text string // without the sign, a newline or colours
}

// contextLines are the lines shown around a changed one.
const contextLines = 2

// Lines are a change line by line; a new or removed file has all its lines.
// There are none where the headline says it all: of what is no file, of
// secrets, and of a unit in which nothing but the hash of its inputs changes.
func Lines(c modules.Change) []Line {
	if c.Kind != modules.Text && c.Kind != modules.Object || c.Secret || hashOnly(c) {
		return nil
	}
	if c.Have == "" && c.Kind == modules.Object && !strings.Contains(c.Want, "\n") {
		return nil
	}
	return fileLines(c.Have, c.Want)
}

// fileLines is a unified diff without its header.
func fileLines(have, want string) []Line {
	u, err := udiff.ToUnified("", "", have, udiff.Lines(have, want), contextLines)
	if err != nil || u == "" {
		return nil
	}
	var out []Line
	body := strings.Split(strings.TrimSuffix(u, "\n"), "\n")[2:] // behind --- and +++
	for _, line := range body {
		switch {
		case strings.HasPrefix(line, `\`): // No newline at end of file
		case strings.HasPrefix(line, "@@"):
			if len(out) > 0 {
				out = append(out, Line{Kind: GapLine, Sign: " "})
			}
		default:
			out = append(out, Line{FileLine, line[:1], line[1:]})
		}
	}
	return out
}

// String is the line as text has it.
func (l Line) String() string {
	if l.Kind == GapLine {
		return "  ..."
	}
	return l.Sign + " " + l.Text
}

func (l Line) paint(st Style) string {
	switch l.Sign {
	case "+":
		return st.green(l.String())
	case "-":
		return st.red(l.String())
	case "~":
		return st.yellow(l.String())
	}
	return st.faint(l.String())
}
