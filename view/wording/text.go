package wording

import "strings"

// A Tone is the emphasis of a word.
type Tone int

// The tones.
const (
	Plain   Tone = iota
	Warning      // what a reader is to notice
	Aside        // what explains the rest
)

// A Span is words of one tone.
type Span struct {
	Text string
	Tone Tone
}

// A Text is a line of words and their tones.
type Text []Span

// String returns the words alone.
func (t Text) String() string {
	var b strings.Builder
	for _, s := range t {
		b.WriteString(s.Text)
	}
	return b.String()
}
