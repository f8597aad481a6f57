package agent

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/creachadair/jrpc2/channel"
)

const (
	maxFrame  = 128 << 20 // bytes of one message
	maxHeader = 1 << 10   // bytes before a message
)

// A pipe is a jrpc2 channel of messages, each after a Content-Length header.
// jrpc2's own channel allocates what the header says; this one only what has
// come. Send never waits for the other side, because a server that waits in
// Send holds up all its handlers.
type pipe struct {
	r     *bufio.Reader
	w     io.Closer
	out   *outbox
	heard func(error) // called with nil when bytes came, and with an error at the end
}

var _ channel.Channel = (*pipe)(nil)

// newPipe frames rw. heard is called when bytes came, sent when a large part
// of a message went out. Both are signs of life, so a long message on a slow
// line is not taken for silence.
func newPipe(rw io.ReadWriteCloser, heard func(error), sent func()) *pipe {
	r := bufio.NewReaderSize(&listener{rw, heard}, 64<<10)
	return &pipe{r: r, w: rw, out: newOutbox(rw, sent), heard: heard}
}

// A listener calls heard whenever bytes came.
type listener struct {
	io.Reader
	heard func(error)
}

func (l *listener) Read(b []byte) (int, error) {
	n, err := l.Reader.Read(b)
	if n > 0 {
		l.heard(nil)
	}
	return n, err
}

// Send queues a message.
func (p *pipe) Send(msg []byte) error {
	if len(msg) > maxFrame {
		return fmt.Errorf("send %d bytes: more than %d in one message", len(msg), maxFrame)
	}
	return p.out.put(appendFrame(nil, msg))
}

// Recv waits for the next message.
func (p *pipe) Recv() ([]byte, error) {
	msg, err := readFrame(p.r)
	if err != nil {
		p.heard(err)
	}
	return msg, err
}

// Close ends both directions and drops the messages still in the queue.
func (p *pipe) Close() error {
	p.out.close()
	return p.w.Close()
}

func appendFrame(b, msg []byte) []byte {
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(msg)), 10)
	b = append(b, "\r\n\r\n"...)
	return append(b, msg...)
}

// readFrame reads one message. It returns io.EOF if the input ends between
// two messages.
func readFrame(r *bufio.Reader) ([]byte, error) {
	size, remaining := int64(-1), maxHeader
	for first := true; ; first = false {
		line, err := readLine(r, remaining)
		switch {
		case err == io.EOF && first && line == "":
			return nil, io.EOF
		case err == io.EOF:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		remaining -= len(line)
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("read message: header line %.60q", line)
		}
		if !strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			continue
		}
		if size, err = strconv.ParseInt(strings.TrimSpace(value), 10, 64); err != nil || size < 0 || size > maxFrame {
			return nil, fmt.Errorf("read message: length %.60q", value)
		}
	}
	if size < 0 {
		return nil, errors.New("read message: no length")
	}
	var b bytes.Buffer
	b.Grow(int(min(size, 64<<10)))
	if n, err := io.CopyN(&b, r, size); err != nil {
		return nil, fmt.Errorf("read message: %d of %d bytes: %w", n, size, io.ErrUnexpectedEOF)
	}
	return b.Bytes(), nil
}

// readLine reads up to and including the next newline, at most limit bytes.
func readLine(r *bufio.Reader, limit int) (string, error) {
	var b []byte
	for {
		c, err := r.ReadByte()
		if err != nil {
			return string(b), err
		}
		if b = append(b, c); c == '\n' {
			return string(b), nil
		}
		if len(b) >= limit {
			return string(b), fmt.Errorf("read line: more than %d bytes", limit)
		}
	}
}

// An outbox writes what is put into it, in order, in a goroutine of its own.
type outbox struct {
	mu     sync.Mutex
	wake   sync.Cond
	queue  [][]byte
	closed bool
	err    error
	sent   func()
}

// piece is how many bytes go in one write. The writes of smaller ones return
// at once, because buffers on the way take them, and are no sign of life.
const piece = 32 << 10

func newOutbox(w io.Writer, sent func()) *outbox {
	o := &outbox{sent: sent}
	o.wake.L = &o.mu
	go o.run(w)
	return o
}

func (o *outbox) put(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	if o.closed {
		return io.ErrClosedPipe
	}
	o.queue = append(o.queue, b)
	o.wake.Signal()
	return nil
}

// close accepts nothing more; what is in the queue is still written.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.wake.Signal()
}

func (o *outbox) run(w io.Writer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		for len(o.queue) == 0 && !o.closed {
			o.wake.Wait()
		}
		if len(o.queue) == 0 {
			return
		}
		b := o.queue[0]
		// Answers to calls that were made at once go in one write.
		for len(o.queue) > 1 && len(b)+len(o.queue[1]) <= 64<<10 {
			b, o.queue = append(b, o.queue[1]...), o.queue[1:]
		}
		o.queue = o.queue[1:]
		o.mu.Unlock()
		err := o.write(w, b)
		o.mu.Lock()
		if err != nil {
			o.err, o.queue, o.closed = err, nil, true
		}
	}
}

func (o *outbox) write(w io.Writer, b []byte) error {
	for len(b) > 0 {
		n, err := w.Write(b[:min(len(b), piece)])
		if err != nil {
			return err
		}
		if n == piece {
			o.sent()
		}
		b = b[n:]
	}
	return nil
}
