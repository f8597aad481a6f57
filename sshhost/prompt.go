package sshhost

import (
	"bytes"
	"regexp"
)

// Prompt is the prompt that sudo gets. The password is sent only in answer to
// a question that contains it.
const Prompt = "pmkctl-asks-for-the-password-of-sudo"

// option matches what precedes the prompt in a command line that a shell
// prints, as with `set -x`.
var option = regexp.MustCompile(`-p\W+$`)

// question returns the offset of the line in which sudo asks for the
// password, or -1 if stderr does not end with such a line. The line may have
// more text: sudo-rs prints "[sudo: PROMPT] Password: ".
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
