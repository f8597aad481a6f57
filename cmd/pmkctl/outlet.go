package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// An outlet is a file or stream that events are written to. A run never waits
// for it: the few lines are kept in memory until they are read.
type outlet struct {
	file     string        // "" for standard output
	patience time.Duration // longest wait at the end for a reader that reads nothing; 0 is endless

	mu      sync.Mutex
	pending []byte
	closed  bool
	err     error

	more  chan struct{} // there is something pending, or it is closed
	moved chan struct{} // something was written
	done  chan struct{} // closed when the writer has ended
}

// newOutlet returns an outlet for standard output.
func newOutlet(w io.WriteCloser) *outlet {
	o := &outlet{more: make(chan struct{}, 1), moved: make(chan struct{}, 1), done: make(chan struct{})}
	go o.run(func() (io.WriteCloser, error) { return w, nil })
	return o
}

// openOutlet returns an outlet for a file, which is new or has the events of an
// earlier run; for a named pipe, whose reader may come later; or for a
// descriptor that the caller opened.
func openOutlet(name string) (*outlet, error) {
	o := &outlet{file: name, patience: stall, more: make(chan struct{}, 1), moved: make(chan struct{}, 1), done: make(chan struct{})}
	info, err := os.Stat(name)
	if err == nil && info.Mode()&fs.ModeNamedPipe != 0 && descriptor(name) < 0 {
		go o.run(func() (io.WriteCloser, error) { return os.OpenFile(name, os.O_WRONLY, 0) }) // waits for a reader
		return o, nil
	}
	f, err := openEvents(name)
	if err != nil {
		return nil, fmt.Errorf("-events=%s: %w", name, err)
	}
	go o.run(func() (io.WriteCloser, error) { return f, nil })
	return o, nil
}

// descriptor returns the number in a name such as /dev/fd/3; -1 for other
// names. Such a file is not opened by its name, because that would begin at the
// start of a file that has content already.
func descriptor(name string) int {
	switch name {
	case "/dev/stdout":
		return 1
	case "/dev/stderr":
		return 2
	}
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		if rest, ok := strings.CutPrefix(name, dir); ok {
			if n, err := strconv.Atoi(rest); err == nil {
				return n
			}
		}
	}
	return -1
}

func openEvents(name string) (*os.File, error) {
	if n := descriptor(name); n >= 0 {
		return openDescriptor(n)
	}
	if name == "-" {
		return nil, errors.New("write -json for standard output")
	}
	if strings.HasSuffix(name, ".hcl") {
		return nil, errors.New("a file *.hcl is read as part of a spec; give another name, such as events.jsonl")
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return f, emptied(f)
}

func openDescriptor(n int) (*os.File, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(n, &st); err != nil || st.Mode&syscall.S_IFMT == 0 { // no file type: this program opened it for itself
		return nil, fmt.Errorf("descriptor %d is not open", n)
	}
	d, err := syscall.Dup(n)
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(d)
	return os.NewFile(uintptr(d), fmt.Sprintf("/dev/fd/%d", n)), nil
}

// begins is the start of every file of events.
const begins = `{"type":"version",`

// emptied truncates a file of events. Any other content is an error.
func emptied(f *os.File) error {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	first := make([]byte, len(begins))
	_, _ = io.ReadFull(f, first) // a short file gives fewer bytes
	if info.Size() > 0 && !bytes.Equal(first, []byte(begins)) {
		f.Close()
		return errors.New("it is there, and holds no events; remove it first, or give another name")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return errors.Join(f.Truncate(0), f.Chmod(0o600))
}

func (o *outlet) put(line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil && !o.closed {
		o.pending = append(o.pending, line...)
		ring(o.more)
	}
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// run writes the pending lines, until close or an error.
func (o *outlet) run(open func() (io.WriteCloser, error)) {
	defer close(o.done)
	w, err := open()
	for err == nil {
		<-o.more
		o.mu.Lock()
		lines, closed := o.pending, o.closed
		o.pending = nil
		o.mu.Unlock()
		err = o.write(w, lines)
		if err == nil && closed {
			err = w.Close()
			break
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err, o.pending = err, nil
}

// write writes in pieces that fit into a pipe, so that a slow reader can be
// distinguished from one that reads nothing.
func (o *outlet) write(w io.Writer, b []byte) error {
	for len(b) > 0 {
		n, err := w.Write(b[:min(len(b), 4096)])
		if err != nil {
			return err
		}
		b = b[n:]
		ring(o.moved)
	}
	return nil
}

// close waits until everything is written. For standard output it waits without
// a limit, like any command. A file or pipe is given up if nothing was read for
// o.patience.
func (o *outlet) close() error {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	ring(o.more)
	for {
		var patience <-chan time.Time
		if o.patience > 0 {
			patience = time.After(o.patience)
		}
		select {
		case <-o.done:
			return o.err
		case <-o.moved:
		case <-patience:
			return fmt.Errorf("nobody read for %s, so the last events are missing", o.patience)
		}
	}
}
