package terminal

import (
	"io"
	"strings"

	"github.com/fatih/color"

	"github.com/pmkctl/pmkctl/change"
	"github.com/pmkctl/pmkctl/view/wording"
)

// Style colours text or not, and folds long plans or not.
type Style struct {
	on   bool
	full bool // nothing is folded
}

// NewStyle returns a style that is coloured or plain.
func NewStyle(colored bool) Style { return Style{on: colored} }

// Full returns the style that folds nothing.
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

// text paints the words of a text by their tones.
func (s Style) text(t wording.Text) string {
	var b strings.Builder
	for _, span := range t {
		switch span.Tone {
		case wording.Warning:
			b.WriteString(s.yellow(span.Text))
		case wording.Aside:
			b.WriteString(s.faint(span.Text))
		default:
			b.WriteString(span.Text)
		}
	}
	return b.String()
}

// line paints a line of a change.
func (s Style) line(l wording.Line) string {
	switch l.Sign {
	case "+":
		return s.green(l.String())
	case "-":
		return s.red(l.String())
	case "~":
		return s.yellow(l.String())
	}
	return s.faint(l.String())
}

// sign paints the sign of an action.
func (s Style) sign(a change.Action) string {
	switch a {
	case change.Add:
		return s.green(wording.Sign(a))
	case change.Remove:
		return s.red(wording.Sign(a))
	}
	return s.yellow(wording.Sign(a))
}

// printer writes lines and keeps the first error, so that it is checked once
// after several lines.
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
