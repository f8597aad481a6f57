package sshtest

import (
	"bytes"
	"net"
	"strconv"
	"sync"

	"golang.org/x/crypto/ssh"
)

// A pipe connects an agent to its channel. It counts calls and bytes, and
// cuts the connection when the fault says so.
type pipe struct {
	ssh.Channel
	server *Server
	conn   net.Conn
	frames *frames
	held   []byte // read from the channel but not yet by the agent

	mu     sync.Mutex
	sent   int64
	frozen bool
}

func (p *pipe) Read(b []byte) (int, error) {
	if len(p.held) == 0 {
		buf := make([]byte, 32<<10)
		n, err := p.Channel.Read(buf)
		if n == 0 {
			return 0, err
		}
		if in := p.server.config.Input; in != nil {
			if _, err := in.Write(buf[:n]); err != nil {
				return 0, err
			}
		}
		for range p.frames.calls(buf[:n]) {
			p.called()
		}
		p.held = buf[:n]
	}
	n := copy(b, p.held)
	p.held = p.held[n:]
	return n, nil
}

// called counts a call before the agent gets it.
func (p *pipe) called() {
	var calls int
	p.server.note(func(r *Record) {
		r.Calls++
		calls = r.Calls
	})
	f := p.server.faults()
	if f.CutCalls > 0 && calls >= f.CutCalls {
		_ = p.conn.Close()
	}
	if f.FreezeCalls > 0 && calls >= f.FreezeCalls {
		p.mu.Lock()
		p.frozen = true
		p.mu.Unlock()
	}
}

func (p *pipe) Write(b []byte) (int, error) {
	// A host in memory whose connection is cut answers nothing more.
	if h, ok := p.server.host.(interface{ Lost() bool }); ok && h.Lost() {
		_ = p.conn.Close()
		return 0, net.ErrClosed
	}
	if out := p.server.config.Output; out != nil {
		if _, err := out.Write(b); err != nil {
			return 0, err
		}
	}
	p.mu.Lock()
	frozen := p.frozen
	p.sent += int64(len(b))
	over := p.sent - p.server.faults().CutBytes
	p.mu.Unlock()
	if frozen {
		return len(b), nil
	}
	if p.server.faults().CutBytes > 0 && over >= 0 {
		_, _ = p.Channel.Write(b[:max(0, int64(len(b))-over)])
		_ = p.conn.Close()
		return 0, net.ErrClosed
	}
	return p.Channel.Write(b)
}

// frames counts the calls in a stream of messages with Content-Length.
type frames struct {
	header  []byte
	body    []byte
	missing int // bytes of the body still to come
}

func newFrames() *frames { return &frames{} }

// calls takes more of the stream and returns how many calls it completed.
// Heartbeats and notifications do not count.
func (f *frames) calls(b []byte) int {
	n := 0
	for len(b) > 0 {
		if f.missing == 0 {
			f.header = append(f.header, b[0])
			b = b[1:]
			if !bytes.HasSuffix(f.header, []byte("\r\n\r\n")) {
				continue
			}
			_, length, _ := bytes.Cut(f.header, []byte("Content-Length: "))
			length, _, _ = bytes.Cut(length, []byte("\r\n"))
			f.missing, _ = strconv.Atoi(string(length))
			f.header, f.body = nil, nil
			continue
		}
		take := min(f.missing, len(b))
		f.body = append(f.body, b[:min(take, max(0, 4096-len(f.body)))]...)
		f.missing -= take
		b = b[take:]
		if f.missing == 0 && bytes.Contains(f.body, []byte(`"id":`)) && !bytes.Contains(f.body, []byte(`"method":"Beat"`)) {
			n++
		}
	}
	return n
}
