package agent

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/pmkctl/pmkctl/host"
)

// The conversation on a receiver's pipe, for each file: a header, its answer,
// the bytes from Have on, and a last answer. All except the bytes are one
// line of JSON each.
type (
	bulkHeader struct {
		Size   int64  `json:"size"`
		SHA256 string `json:"sha256"`
	}
	bulkAnswer struct {
		Have int64  `json:"have"`
		Err  string `json:"err,omitempty"`
	}
)

// maxLine is the longest line of that conversation, in bytes.
const maxLine = 4 << 10

// chunk is how many bytes of a file go in one call where there is no
// receiver.
const chunk = 256 << 10

func (s *session) Install(ctx context.Context, f host.InstallSpec, open func() (io.ReadCloser, error)) error {
	if err := checkDigest(f.SHA256); err != nil {
		return err
	}
	unlock, err := s.bulk.lock(ctx, f.SHA256)
	if err != nil {
		return err
	}
	defer unlock()
	for try := 0; ; try++ {
		in, err := call[incoming](ctx, s, "Incoming", f)
		if err != nil {
			return err
		}
		if in.Have < f.Size {
			if err := s.bring(ctx, f, in.Have, open); err != nil {
				return fmt.Errorf("bring %s: %w", f.Path, err)
			}
		}
		err = s.do(ctx, "Place", f)
		// A failed try that began with bytes of an earlier one is repeated
		// once: those bytes may have been wrong, and the agent has deleted
		// them.
		if err == nil || in.Have == 0 || try > 0 || errors.Is(err, host.ErrLost) || ctx.Err() != nil {
			return err
		}
	}
}

// bring sends the bytes of the file from offset have on.
func (s *session) bring(ctx context.Context, f host.InstallSpec, have int64, open func() (io.ReadCloser, error)) error {
	if s.o.Bulk == nil {
		return s.bringInCalls(ctx, f, have, open)
	}
	c, reused, err := s.bulk.get(ctx)
	if err != nil {
		return err
	}
	err = c.send(ctx, f, open)
	if err != nil && reused && ctx.Err() == nil {
		// The idle receiver may have ended in the meantime.
		c.rw.Close()
		if c, err = s.bulk.fresh(ctx); err != nil {
			return err
		}
		err = c.send(ctx, f, open)
	}
	if err != nil {
		c.rw.Close()
		return err
	}
	s.bulk.put(c)
	return nil
}

func (s *session) bringInCalls(ctx context.Context, f host.InstallSpec, have int64, open func() (io.ReadCloser, error)) error {
	r, err := openAt(open, have)
	if err != nil {
		return err
	}
	defer r.Close()
	buf := make([]byte, chunk)
	for have < f.Size {
		n, err := io.ReadFull(r, buf[:min(chunk, f.Size-have)])
		if err != nil {
			return fmt.Errorf("read %d bytes of %d: %w", have+int64(n), f.Size, err)
		}
		if err := s.do(ctx, "Chunk", chunkArgs{f.SHA256, have, buf[:n]}); err != nil {
			return err
		}
		have += int64(n)
	}
	return nil
}

// openAt opens a source and skips its first offset bytes.
func openAt(open func() (io.ReadCloser, error), offset int64) (io.ReadCloser, error) {
	r, err := open()
	if err != nil || offset == 0 {
		return r, err
	}
	if s, ok := r.(io.Seeker); ok {
		if _, err = s.Seek(offset, io.SeekStart); err == nil {
			return r, nil
		}
	}
	if _, err := io.CopyN(io.Discard, r, offset); err != nil {
		r.Close()
		return nil, fmt.Errorf("skip %d bytes: %w", offset, err)
	}
	return r, nil
}

// A bulkConn is the connection to one receiver process.
type bulkConn struct {
	rw io.ReadWriteCloser
	r  *bufio.Reader
}

// send sends one file. The end of ctx ends the receiver too.
func (c *bulkConn) send(ctx context.Context, f host.InstallSpec, open func() (io.ReadCloser, error)) (err error) {
	stop := context.AfterFunc(ctx, func() { c.rw.Close() })
	defer func() {
		if !stop() {
			err = context.Cause(ctx)
		}
	}()
	if err := writeLine(c.rw, bulkHeader{Size: f.Size, SHA256: f.SHA256}); err != nil {
		return err
	}
	begin, err := readAnswer(c.r)
	if err != nil {
		return err
	}
	if begin.Have < 0 || begin.Have > f.Size {
		return fmt.Errorf("the receiver has %d bytes of %d", begin.Have, f.Size)
	}
	src, err := openAt(open, begin.Have)
	if err != nil {
		c.rw.Close() // the receiver waits for bytes that will not come
		return err
	}
	defer src.Close()
	if n, err := io.CopyBuffer(onlyWriter{c.rw}, io.LimitReader(src, f.Size-begin.Have), make([]byte, 128<<10)); err != nil {
		return err
	} else if n < f.Size-begin.Have {
		return fmt.Errorf("the source ends after %d bytes of %d", begin.Have+n, f.Size)
	}
	_, err = readAnswer(c.r)
	return err
}

// onlyWriter hides ReadFrom, so that io.CopyBuffer uses the buffer it was
// given.
type onlyWriter struct{ io.Writer }

func writeLine(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

func readAnswer(r *bufio.Reader) (bulkAnswer, error) {
	var a bulkAnswer
	line, err := readLine(r, maxLine)
	if err != nil {
		return a, fmt.Errorf("read the receiver's answer: %w", err)
	}
	if err := json.Unmarshal([]byte(line), &a); err != nil {
		return a, fmt.Errorf("read the receiver's answer: %w", err)
	}
	if a.Err != "" {
		return a, errors.New(a.Err)
	}
	return a, nil
}

// checkDigest refuses all but a SHA-256 in lower-case hex, because the digest
// becomes a file name.
func checkDigest(s string) error {
	if b, err := hex.DecodeString(s); err != nil || len(b) != 32 || s != hex.EncodeToString(b) {
		return fmt.Errorf("%q is no SHA-256 in lower-case hex", s)
	}
	return nil
}

// maxReceivers is how many receivers run at once on a host. By default sshd
// admits 10 sessions on a connection.
const maxReceivers = 3

// A bulkPool keeps receivers for the next file. It does not let two installs
// of one digest run at once.
type bulkPool struct {
	dial func(context.Context) (io.ReadWriteCloser, error)

	mu     sync.Mutex
	idle   []*bulkConn
	slots  chan struct{}
	busy   map[string]chan struct{}
	closed bool
}

// lock waits for a slot and for other installs of the same digest.
func (p *bulkPool) lock(ctx context.Context, digest string) (unlock func(), err error) {
	p.mu.Lock()
	if p.slots == nil {
		p.slots, p.busy = make(chan struct{}, maxReceivers), map[string]chan struct{}{}
	}
	for p.busy[digest] != nil {
		other := p.busy[digest]
		p.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		p.mu.Lock()
	}
	done := make(chan struct{})
	p.busy[digest] = done
	p.mu.Unlock()
	release := func() {
		p.mu.Lock()
		delete(p.busy, digest)
		p.mu.Unlock()
		close(done)
	}
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots; release() }, nil
	case <-ctx.Done():
		release()
		return nil, ctx.Err()
	}
}

// get returns an idle receiver, or starts one.
func (p *bulkPool) get(ctx context.Context) (c *bulkConn, reused bool, err error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		c, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	p.mu.Unlock()
	if c != nil {
		return c, true, nil
	}
	c, err = p.fresh(ctx)
	return c, false, err
}

func (p *bulkPool) fresh(ctx context.Context) (*bulkConn, error) {
	rw, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &bulkConn{rw: rw, r: bufio.NewReader(rw)}
	stop := context.AfterFunc(ctx, func() { rw.Close() })
	err = skipNoise(c.r)
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		rw.Close()
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	return c, nil
}

func (p *bulkPool) put(c *bulkConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.rw.Close()
		return
	}
	p.idle = append(p.idle, c)
}

func (p *bulkPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.rw.Close()
	}
	p.idle = nil
}
