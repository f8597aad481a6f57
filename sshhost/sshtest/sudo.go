package sshtest

import (
	"io"
	"strings"

	"golang.org/x/crypto/ssh"
)

// A dialogue is what a sudo prints, and how it reads the password.
type dialogue struct {
	notAllowed string // about the user
	missing    string // about the path
	needed     string
	question   string // with the prompt
	answered   string // printed after the password was read
	again      string
	over       string // printed after the third wrong password
	readLine   func(io.Reader) (string, error)
}

var classic = dialogue{
	notAllowed: "%s is not in the sudoers file.\n",
	missing:    "sudo: %s: Befehl nicht gefunden\n", // a host with another language
	needed:     "sudo: a password is required\n",
	question:   "%s",
	again:      "Sorry, try again.\n",
	over:       "sudo: 3 incorrect password attempts\n",
	readLine:   readLine,
}

// rust is sudo-rs 0.2.5. Later versions always print "sudo: ".
var rust = dialogue{
	notAllowed: "sudo-rs: I'm sorry %s. I'm afraid I can't do that\n",
	missing:    "sudo-rs: '%s': command not found\n",
	needed:     "sudo-rs: interactive authentication is required\n",
	question:   "[sudo: %s] Password: ",
	answered:   "\n",
	again:      "sudo: Authentication failed, try again.\n",
	over:       "sudo-rs: Maximum 3 incorrect authentication attempts\n",
	readLine:   readBuffered,
}

func (s *Server) dialogue() dialogue {
	if s.config.SudoRS {
		return rust
	}
	return classic
}

// authenticate asks for the password, up to three times, and reports whether
// it was right.
func (s *Server) authenticate(ch ssh.Channel, d dialogue, prompt string, say func(string, ...any)) bool {
	if prompt == "" {
		say("%s", d.needed)
		return false
	}
	if s.faults().Silent {
		prompt = "[sudo] password for " + s.config.User + ": "
	}
	for try := range 3 {
		say(d.question, prompt)
		line, err := d.readLine(ch)
		say("%s", d.answered)
		if err != nil {
			say("\nsudo: no password was provided\n%s", d.needed)
			return false
		}
		s.note(func(r *Record) { r.Passwords = append(r.Passwords, line) })
		if line == s.config.Password {
			return true
		}
		if try < 2 {
			say("%s", d.again)
		}
	}
	say("%s", d.over)
	return false
}

// readLine reads byte by byte, so that the command gets the rest of the
// input.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		if b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[0])
	}
}

// readBuffered reads what has come and drops all after the line.
func readBuffered(r io.Reader) (string, error) {
	b := make([]byte, 8<<10)
	n, err := r.Read(b)
	if n == 0 {
		return "", err
	}
	line, _, _ := strings.Cut(string(b[:n]), "\n")
	return line, nil
}
