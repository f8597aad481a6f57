package main

import (
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/pmkctl/pmkctl/view/terminal"
)

// streams are standard input, output and error.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// A piped output has a reader that may end early, as head does. Output after
// that is lost without an error: the run goes on, and its exit code is that of
// the run.
type piped struct{ io.Writer }

// readBy returns f as an output of the command.
func readBy(f *os.File) io.Writer {
	if terminal.IsTerminal(f) {
		return f // its type shows that it is a terminal
	}
	return piped{f}
}

func (p piped) Write(b []byte) (int, error) {
	n, err := p.Writer.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		return len(b), nil
	}
	return n, err
}
