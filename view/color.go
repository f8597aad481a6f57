package view

import (
	"io"

	"github.com/fatih/color"
)

// Style colours text, or leaves it as it is; and it folds long plans.
type Style struct {
	on   bool
	full bool // nothing is folded
}

// NewStyle is coloured or plain.
func NewStyle(colored bool) Style { return Style{on: colored} }

// Full is the style that folds nothing.
func (s Style) Full() Style {
	s.full = true
	return s
}

func (s Style) paint(text string, attrs ...color.Attribute) string {
	if !s.on {
		return text
	}
	c := color.New(attrs...)
	c.EnableColor()
	return c.Sprint(text)
}

func (s Style) green(t string) string  { return s.paint(t, color.FgGreen) }
func (s Style) red(t string) string    { return s.paint(t, color.FgRed) }
func (s Style) yellow(t string) string { return s.paint(t, color.FgYellow) }
func (s Style) bold(t string) string   { return s.paint(t, color.Bold) }
func (s Style) faint(t string) string  { return s.paint(t, color.Faint) }

// printer writes lines and remembers the first error, so that a list of
// prints is checked once.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(parts ...string) {
	for _, s := range append(parts, "\n") {
		if p.err == nil {
			_, p.err = io.WriteString(p.w, s)
		}
	}
}
