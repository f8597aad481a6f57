package sshhost

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// minSecret is the shortest password that is replaced also within words. A
// shorter one would hide parts of ordinary words.
const minSecret = 4

// without returns a text with "(sensitive)" in place of a secret. Occurrences
// that overlap or touch are replaced together, so that no part of one stays.
func without(text, secret string) string {
	if secret == "" {
		return text
	}
	var out strings.Builder
	shown, hidden := 0, -1 // ends of what is written and of what is hidden
	for at := range len(text) {
		if !strings.HasPrefix(text[at:], secret) || len(secret) < minSecret && !isWord(text, at, at+len(secret)) {
			continue
		}
		if at > hidden {
			out.WriteString(text[shown:at] + "(sensitive)")
		}
		hidden = at + len(secret)
		shown = hidden
	}
	return out.String() + text[shown:]
}

// isWord reports whether no letter or digit stands next to a part of a text.
func isWord(text string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	after, _ := utf8.DecodeRuneInString(text[to:])
	inWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	return !inWord(before) && !inWord(after)
}
