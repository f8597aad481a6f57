package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// openTerminal opens a pseudo-terminal and returns both ends: the one for a
// program, and the one where a human would sit.
func openTerminal(columns uint16) (program, human *os.File, err error) {
	human, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	if err = unix.IoctlSetPointerInt(int(human.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(int(human.Fd()), unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	if err = unix.IoctlSetWinsize(int(human.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: 50}); err != nil {
		return nil, nil, err
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	return program, human, err
}

// onTerminalCommand runs a command with a terminal for its standard output and
// error. The output is available as standard output.
func onTerminalCommand(ts *testscript.TestScript, _ bool, args []string) {
	program, human, err := openTerminal(100)
	ts.Check(err)
	defer human.Close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), program, program
	for _, name := range []string{"HOME", "PATH", "TERM", "NO_COLOR", "XDG_CACHE_HOME"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	ts.Check(cmd.Start())
	program.Close()
	var shown bytes.Buffer
	if _, err := io.Copy(&shown, human); err != nil && !errors.Is(err, syscall.EIO) { // EIO: the program has ended
		ts.Check(err)
	}
	_ = cmd.Wait() // only the output matters
	_, _ = ts.Stdout().Write(bytes.ReplaceAll(shown.Bytes(), []byte("\r\n"), []byte("\n")))
}
