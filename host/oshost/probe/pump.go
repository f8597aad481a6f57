package probe

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A pump takes datagrams out of a socket as they come, and all that wait on
// demand. A process that is short of processor time finds its sockets full:
// those datagrams have arrived, although they were not read yet.
type pump struct {
	rc   syscall.RawConn
	take func(message)
	fail func(fd int) // called when an ICMP error waits; may be nil

	mu  sync.Mutex // held from taking a datagram out until it is handled
	buf []byte
	oob []byte
}

// A message is a datagram. Its slices are valid only during the call that
// gets it.
type message struct {
	data []byte
	oob  []byte
	from netip.AddrPort
	at   time.Time // when the kernel received it, by the wall clock
}

// late returns how long the message has waited to be read.
func (m message) late() time.Duration { return time.Now().Round(0).Sub(m.at) }

// stampAll makes the kernel note when each datagram arrives.
func stampAll(fd int) { _ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) }

func newPump(c syscall.Conn, take func(message)) (*pump, error) {
	rc, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &pump{rc: rc, take: take, buf: make([]byte, 65536), oob: make([]byte, 256)}, nil
}

// run takes datagrams until the socket is closed.
func (p *pump) run() {
	for {
		err := p.rc.Read(func(fd uintptr) bool {
			p.read(int(fd))
			return false
		})
		// Waiting fails on a socket with errors in its queue. A closed file,
		// unlike a closed connection, has no error of its own.
		var op *net.OpError
		if errors.Is(err, net.ErrClosed) || !errors.As(err, &op) {
			return
		}
		p.drain()
		time.Sleep(time.Millisecond)
	}
}

// drain takes all datagrams that wait. They have been handled when it
// returns.
func (p *pump) drain() {
	_ = p.rc.Control(func(fd uintptr) { p.read(int(fd)) })
}

// mostErrors limits ICMP errors in a row without a datagram between them.
const mostErrors = 1000

func (p *pump) read(fd int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for errs := 0; errs < mostErrors; {
		n, oobn, _, from, err := unix.Recvmsg(fd, p.buf, p.oob, unix.MSG_DONTWAIT)
		switch err {
		case nil:
			errs = 0
			p.take(message{data: p.buf[:n], oob: p.oob[:oobn], from: sockaddr(from), at: stamp(p.oob[:oobn])})
		case unix.EAGAIN, unix.EBADF:
			if p.fail != nil {
				p.fail(fd)
			}
			return
		case unix.EINTR:
		default:
			errs++
			if p.fail != nil {
				p.fail(fd)
			}
		}
	}
}

// stamp returns when the kernel received a datagram; now if that is not
// known.
func stamp(oob []byte) time.Time {
	for len(oob) >= unix.CmsgSpace(0) {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			break
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			ts := *(*unix.Timespec)(unsafe.Pointer(&data[0]))
			return time.Unix(ts.Unix())
		}
		oob = rest
	}
	return time.Now().Round(0)
}
