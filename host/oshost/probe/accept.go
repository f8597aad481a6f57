package probe

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A backlog is the connections of a port: those that wait to be accepted and
// those that no frame has come on yet.
type backlog struct {
	r    *round
	rc   syscall.RawConn
	port int

	mu   sync.Mutex // held from accepting a connection until keep has noted it
	open map[*served]bool
}

func (r *round) listenTCP(addr string, port int) error {
	// SO_REUSEADDR is on by default: connections in TIME_WAIT do not prevent
	// listening, a listener does.
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	at := l.Addr().(*net.TCPAddr).IP
	f, err := l.(*net.TCPListener).File() // a listener's own RawConn does not read
	l.Close()
	if err != nil {
		return err
	}
	rc, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return err
	}
	if !r.keep(f) {
		return net.ErrClosed
	}
	b := &backlog{r: r, rc: rc, port: port, open: map[*served]bool{}}
	r.mu.Lock()
	if !at.IsLoopback() {
		r.ports[uint16(port)] = tableOf(at)
	}
	r.backlogs = append(r.backlogs, b)
	r.mu.Unlock()
	go func() {
		_ = rc.Read(func(fd uintptr) bool { // returns when the socket is closed
			b.accept(int(fd))
			return false
		})
	}()
	return nil
}

// accept accepts all connections that wait.
func (b *backlog) accept(fd int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for full := 0; full < 100; {
		c, from, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			b.serve(c, sockaddr(from))
		case unix.EINTR, unix.ECONNABORTED: // the peer closed early
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM: // a shortage, until others are closed
			full++
			time.Sleep(time.Millisecond)
		default:
			return
		}
	}
}

// drain accepts and answers all that wait.
func (b *backlog) drain() {
	_ = b.rc.Control(func(fd uintptr) { b.accept(int(fd)) })
	b.mu.Lock()
	open := make([]*served, 0, len(b.open))
	for s := range b.open {
		open = append(open, s)
	}
	b.mu.Unlock()
	for _, s := range open {
		_ = s.rc.Control(func(fd uintptr) { s.step(int(fd)) })
	}
}

// A served connection gets its one frame echoed.
type served struct {
	b    *backlog
	f    *os.File
	rc   syscall.RawConn
	from netip.AddrPort

	mu   sync.Mutex
	got  []byte
	done bool
}

// serve answers a connection; b.mu is held.
func (b *backlog) serve(fd int, from netip.AddrPort) {
	s := &served{b: b, f: os.NewFile(uintptr(fd), "probe"), from: from}
	if !b.r.keep(s.f) {
		return
	}
	var err error
	if s.rc, err = s.f.SyscallConn(); err != nil {
		b.r.drop(s.f)
		return
	}
	b.open[s] = true
	go s.run()
}

// run waits for the frame, and then until the peer closes. The peer must
// close first, so that none of our ports stays in TIME_WAIT.
func (s *served) run() {
	defer s.b.r.drop(s.f)
	_ = s.f.SetDeadline(time.Now().Add(10 * time.Second))
	err := s.rc.Read(func(fd uintptr) bool { return s.step(int(fd)) })
	s.b.mu.Lock()
	delete(s.b.open, s)
	s.b.mu.Unlock()
	if err == nil {
		_, _ = s.f.Read(make([]byte, 1))
	}
}

// step goes as far as it can without waiting. It returns true at the end.
func (s *served) step(fd int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var buf [headLen + macLen]byte
	for !s.done {
		n, err := unix.Read(fd, buf[:len(buf)-len(s.got)])
		switch {
		case err == unix.EAGAIN:
			return false
		case err == unix.EINTR:
		case err != nil || n == 0:
			s.done = true
		default:
			s.got = append(s.got, buf[:n]...)
			if len(s.got) == len(buf) {
				s.answer(fd)
				s.done = true
			}
		}
	}
	return true
}

func (s *served) answer(fd int) {
	var late time.Duration
	if info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
		late = time.Duration(info.Last_data_recv) * time.Millisecond
	}
	if echo, _ := s.b.r.handle(arrival{s.got, "tcp", s.from, s.b.port, time.Now(), late}); echo != nil {
		_, _ = unix.Write(fd, echo)
	}
}
