package sshhost

import (
	"bytes"
	"regexp"
)

// Prompt is the prompt that sudo gets. The password is sent only in answer to
// a question that is made of it.
const Prompt = "pmkctl-asks-for-the-password-of-sudo"

// asks matches the two forms of the question at the end of what was printed:
// sudo prints only the prompt, and sudo-rs "[sudo: PROMPT] Password: ", with
// one word in each language that it was translated to. More words are a
// question for something else, such as "Verification code: ".
var asks = regexp.MustCompile(`(\[sudo: ` + Prompt + `\] [^\s:]+: ?|` + Prompt + `)$`)

// quotes matches what precedes a prompt that is no question: the question of
// sudo-rs has not ended yet, a message quotes the prompt, or a shell prints the
// command line, as with `set -x`.
var quotes = regexp.MustCompile("(\\[sudo: |-p\\W+|[\"'`\u2018\u201c])$")

// question returns the offset of the line in which sudo asks for the
// password, or -1 if stderr does not end with such a line.
func question(stderr []byte) int {
	at := asks.FindIndex(stderr)
	if at == nil || quotes.Match(stderr[:at[0]]) {
		return -1
	}
	return bytes.LastIndexByte(stderr[:at[0]], '\n') + 1
}
