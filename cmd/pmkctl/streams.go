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

// A piped output has a reader that may go away, as head does. What is written
// after that is lost without an error: the run goes on and its exit code says
// how it ended.
type piped struct{ io.Writer }

// readBy returns f as an output of the command.
func readBy(f *os.File) io.Writer {
	if terminal.IsTerminal(f) {
		return f // it is recognised by its type
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
