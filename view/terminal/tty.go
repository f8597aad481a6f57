package terminal

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

// IsTerminal reports whether a stream is a terminal that understands escape
// sequences.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"
}

// width returns the width of the terminal behind w; 0 if there is none.
func width(w io.Writer) int {
	if !IsTerminal(w) {
		return 0
	}
	columns, _, err := term.GetSize(int(w.(*os.File).Fd()))
	if err != nil || columns < 20 {
		return 80
	}
	return columns
}

// Style returns the style of text on standard output.
func (c *Console) Style() Style { return c.style(c.Out) }

func (c *Console) style(w io.Writer) Style {
	st := NewStyle(!c.NoColor && os.Getenv("NO_COLOR") == "" && IsTerminal(w))
	if c.Full {
		return st.Full()
	}
	return st
}
