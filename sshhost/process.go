package sshhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/pmkctl/pmkctl/agent"
)

// sudo returns what precedes a command line. Without a password sudo must not
// wait for one. With a password it reads it from stdin, and only if it asks.
func (t Target) sudo() string {
	switch {
	case !t.Become:
		return ""
	case t.password() == "":
		return "sudo -n "
	default:
		return "sudo -S -p " + Prompt + " "
	}
}

// A process is a command that runs on the host.
type process struct {
	target  Target
	command string
	session *ssh.Session
	stdin   io.WriteCloser
	stdout  io.Reader
	exited  chan struct{}
	status  error         // result of session.Wait, valid when exited is closed
	writing chan struct{} // held while writing, because the library does not lock Write against Close

	mu     sync.Mutex
	stderr []byte // the end of it
	asked  int    // number of times that sudo asked
	silent bool   // sudo has finished: what looks like a prompt is none
	ended  bool   // stdout has ended
}

const keptStderr = 4 << 10

// run starts a command line on the host, with sudo if the target says so.
func (c *conn) run(ctx context.Context, t Target, command string) (*process, error) {
	stop := context.AfterFunc(ctx, c.close)
	defer stop()
	s, err := c.client.NewSession()
	if err != nil {
		return nil, t.fail(ErrStart, fmt.Errorf("open a session: %w", err), "")
	}
	p := &process{target: t, command: t.sudo() + command, session: s, exited: make(chan struct{}), writing: make(chan struct{}, 1)}
	if p.stdin, err = s.StdinPipe(); err != nil {
		return nil, err
	}
	if p.stdout, err = s.StdoutPipe(); err != nil {
		return nil, err
	}
	stderr, err := s.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.Start(p.command); err != nil {
		_ = s.Close()
		return nil, t.fail(ErrStart, fmt.Errorf("run %q: %w", p.command, err), "")
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.watch(stderr)
	}()
	go func() {
		p.status = s.Wait()
		<-read
		close(p.exited)
	}()
	return p, nil
}

// watch keeps the end of stderr and answers sudo's question.
func (p *process) watch(stderr io.Reader) {
	buf := make([]byte, 4<<10)
	for {
		n, err := stderr.Read(buf)
		if p.heard(buf[:n]) {
			_, werr := io.WriteString(p, p.target.password()+"\n")
			if werr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// heard adds what came on stderr and reports whether to send the password:
// sudo asks for the first time. If sudo asks again, the password was wrong,
// and the process is ended.
func (p *process) heard(b []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stderr = append(p.stderr, b...)
	at := question(p.stderr)
	asks := at >= 0 && p.target.Become && p.target.password() != "" && !p.silent
	if asks {
		p.stderr = p.stderr[:at]
		if p.asked++; p.asked > 1 {
			_ = p.session.Close()
			asks = false
		}
	}
	if drop := len(p.stderr) - keptStderr; drop > 0 {
		p.stderr = append(p.stderr[:0], p.stderr[drop:]...)
	}
	return asks
}

// admitted is called when the command itself has written something, so sudo
// has finished.
func (p *process) admitted() {
	p.mu.Lock()
	p.silent = true
	p.mu.Unlock()
}

func (p *process) Read(b []byte) (int, error) {
	n, err := p.stdout.Read(b)
	if bytes.Contains(b[:n], []byte(agent.Magic)) {
		p.admitted()
	}
	if err != nil {
		p.mu.Lock()
		p.ended = true
		p.mu.Unlock()
	}
	return n, err
}

func (p *process) Write(b []byte) (int, error) {
	p.writing <- struct{}{}
	defer func() { <-p.writing }()
	return p.stdin.Write(b)
}

// closeInput ends the command's input. It fails if a Write is blocked because
// the host does not read.
func (p *process) closeInput() error {
	t := time.NewTimer(shutdownLimit / 10)
	defer t.Stop()
	select {
	case p.writing <- struct{}{}:
		defer func() { <-p.writing }()
		if err := p.stdin.Close(); !errors.Is(err, io.EOF) { // io.EOF means that it is already closed
			return err
		}
		return nil
	case <-t.C:
		return errors.New("the host does not read")
	}
}

// Close ends the command's input, which ends the agent. A command that has
// begun its work, or has ended, gets the time to report how it ended. Any
// other is cut off.
func (p *process) Close() error {
	err := p.closeInput()
	p.mu.Lock()
	polite := err == nil && p.silent || p.ended
	p.mu.Unlock()
	if !polite {
		return p.session.Close()
	}
	go func() {
		p.wait(shutdownLimit)
		_ = p.session.Close()
	}()
	return nil
}

// shutdownLimit is how long a command may take to end after the end of its
// input.
const shutdownLimit = 2 * time.Second

func (p *process) wait(atMost time.Duration) bool {
	t := time.NewTimer(atMost)
	defer t.Stop()
	select {
	case <-p.exited:
		return true
	case <-t.C:
		return false
	}
}

// exitStatus returns the exit status; -1 if there is none.
func (p *process) exitStatus() int {
	var exit *ssh.ExitError
	if !p.wait(shutdownLimit) || !errors.As(p.status, &exit) {
		if p.wait(0) && p.status == nil {
			return 0
		}
		return -1
	}
	return exit.ExitStatus()
}

// said returns stderr on one line, as it came and for people: there the
// password is replaced, if the host printed it.
func (p *process) said() (raw, shown string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	raw = oneLine(string(p.stderr))
	return raw, strings.TrimRight(without(raw, oneLine(p.target.password())), ".")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (p *process) timesAsked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// Texts of sudo. They are in the host's language, but sudo's name is not. The
// texts of sudo-rs are in English, unless it was built with translations.
var (
	sudoSays      = regexp.MustCompile(`sudo(-rs)?: `)
	wrongPassword = regexp.MustCompile(`incorrect (password|authentication) attempt`)
	notAllowed    = regexp.MustCompile(`I'm afraid I can't do that|Sorry, user \S+ (is not allowed to|may not run) `)
)

// explain returns why a command failed before its first output. err is the
// error of reading from it.
func (p *process) explain(ctx context.Context, err error) *Error {
	t, status := p.target, -1
	if ctx.Err() == nil {
		status = p.exitStatus()
	}
	said, shown := p.said()
	detail := func(what string) error {
		if shown != "" {
			return fmt.Errorf("%s: %s", what, shown)
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	fromSudo := t.Become && sudoSays.MatchString(said)
	switch {
	case p.timesAsked() > 1, fromSudo && wrongPassword.MatchString(said):
		return t.fail(ErrSudo, detail("the password was not accepted"), "put the password of "+t.User+" on that host into become_password")
	case ctx.Err() != nil:
		return t.fail(ErrStart, detail("no answer in time"), "")
	case t.Become && (status == 127 || status == 126) && strings.Contains(said, "sudo"):
		return t.fail(ErrSudo, detail("run sudo"), "install sudo there, or log in as root with become = false")
	case t.Become && strings.Contains(said, "usage: sudo "): // it does not know the option -p
		return t.fail(ErrSudo, detail("sudo"), "update sudo there (sudo-rs to 0.2.5 or newer), allow "+t.User+" to use it without a password (NOPASSWD), or log in as root")
	case fromSudo && t.password() == "" && !notAllowed.MatchString(said):
		return t.fail(ErrSudo, detail("sudo -n"), "set become_password, allow "+t.User+" to use sudo without one (NOPASSWD), or log in as root")
	case fromSudo, t.Become && status == 1 && !strings.Contains(said, "pmkctl agent: "):
		return t.fail(ErrSudo, detail("sudo"), "see what sudo allows "+t.User+" on that host: `sudo -l`")
	case status >= 0:
		return t.fail(ErrStart, detail(fmt.Sprintf("exit status %d", status)), "")
	}
	return t.fail(ErrStart, detail("the connection ended"), "")
}
