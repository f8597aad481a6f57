package fielddiff

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pmkctl/pmkctl/change"
)

// A Field is one field that differs.
type Field struct {
	Action change.Action // Add, Remove or Update
	Path   string        // "spec.containers[coredns].image", "Service.ExecStart[--v]"
	Have   *Value        // nil where it is added
	Want   *Value        // nil where it is removed
	Index  int           // in the new list, of an element that is added; in the old one, of one that is removed; else -1

	steps []step
}

// What is larger, or has more brackets, is compared by line: hosts may hold
// anything in their files.
const (
	maxSize     = 1 << 18 // bytes
	maxBrackets = 10_000
)

func tooLarge(text string) bool {
	return len(text) > maxSize || strings.Count(text, "[")+strings.Count(text, "{") > maxBrackets || !utf8.ValidString(text)
}

// Compare gives the fields in which two contents of a file differ: those of
// the old one in its order, then new ones. It is false if the fields would
// not tell all: the file is of no known format, or one side does not parse;
// keys repeat; comments differ; things are moved where order may matter;
// or the contents differ and the fields do not.
func Compare(path, have, want string) ([]Field, bool) {
	if tooLarge(have) || tooLarge(want) {
		return nil, false
	}
	f := formatOf(path, have, want)
	if f.parse == nil || !slices.Equal(comments(have, f.comment), comments(want, f.comment)) {
		return nil, false
	}
	a, err := f.parse(have)
	if err != nil {
		return nil, false
	}
	b, err := f.parse(want)
	if err != nil {
		return nil, false
	}
	return diff(a, b)
}

// comments are the ends of lines that may be comments: all that follows the
// first of these characters. Some are values, which does no harm: if one of
// them changes, lines are compared.
func comments(text, chars string) []string {
	if chars == "" {
		return nil
	}
	var out []string
	for line := range strings.Lines(text) {
		if i := strings.IndexAny(line, chars); i >= 0 {
			out = append(out, strings.TrimRight(line[i:], " \t\r\n"))
		}
	}
	return out
}
