package page

import (
	"strings"
	"unicode/utf8"

	"github.com/pmkctl/pmkctl/view/wording"
)

// markdownLine begins with the sign, because that gives a diff its colour.
func markdownLine(l wording.Line) string {
	indent := strings.Repeat("    ", l.Depth)
	if l.Kind == wording.GapLine {
		return "      " + indent + "..."
	}
	return l.Sign + "     " + indent + oneLine(l.Text)
}

func oneLine(text string) string { return wording.Visible(strings.ReplaceAll(text, "\n", " ")) }

// code returns text in which nothing has a meaning. Its fence is longer than
// any in the text.
func code(text string) string {
	text = oneLine(text)
	if strings.TrimSpace(text) == "" {
		return ""
	}
	fence := strings.Repeat("`", longestRun(text, '`')+1)
	if strings.Contains(text, "`") || strings.HasPrefix(text, " ") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// cell returns code for a table, where a pipe ends even code unless there is a
// backslash before it, and no second one before that.
func cell(text string) string {
	text = strings.ReplaceAll(clip(text, cellRoom), `\|`, `\¦`)
	return strings.ReplaceAll(code(text), "|", `\|`)
}

// clip shortens a text to n bytes, between characters.
func clip(text string, n int) string {
	text = oneLine(text)
	if len(text) <= n {
		return text
	}
	cut := n - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

func longestRun(text string, c byte) int {
	longest, run := 0, 0
	for i := range len(text) {
		if text[i] != c {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
