package sshhost

import (
	"bytes"
	"regexp"
)

// Prompt is what sudo is told to ask with. The password is given to a question
// that holds it and to nothing else.
const Prompt = "pmkctl-asks-for-the-password-of-sudo"

// option matches what stands before the prompt in a command line that a shell
// prints, as `set -x` does.
var option = regexp.MustCompile(`-p\W+$`)

// question returns where the line begins with which sudo asks for the
// password, or -1 if stderr does not end with such a line. A sudo may write
// more on that line: sudo-rs makes it "[sudo: PROMPT] Password: ".
func question(stderr []byte) int {
	at := bytes.LastIndex(stderr, []byte(Prompt))
	if at < 0 || option.Match(stderr[:at]) {
		return -1
	}
	if rest := bytes.TrimRight(stderr[at:], "\r\n"); bytes.ContainsRune(rest, '\n') {
		return -1
	}
	return bytes.LastIndexByte(stderr[:at], '\n') + 1
}
