package sshhost

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const wrapped = "[sudo: " + Prompt + "] Password: "

func sudoProcess(password string) *process {
	p := &process{target: Target{User: "ops", Become: true}, exited: make(chan struct{})}
	if password != "" {
		p.target.BecomePassword = secret(password)
	}
	return p
}

// The password is sent in answer to a question with the prompt in it, once.
func TestHeard(t *testing.T) {
	tests := []struct {
		name   string
		chunks []string
		want   []bool
	}{
		{"at once", []string{Prompt}, []bool{true}},
		{"in pieces", []string{"lecture\n" + Prompt[:5], Prompt[5:]}, []bool{false, true}},
		{"wrapped", []string{wrapped}, []bool{true}},
		{"wrapped, in pieces", []string{"[sudo: " + Prompt[:5], Prompt[5:] + "] Pass", "word: "}, []bool{false, false, true}},
		{"wrapped, in another language", []string{"[sudo: " + Prompt + "] \u043f\u0430\u0440\u043e\u043b\u044c:"}, []bool{true}},
		{"wrapped, after a lecture", []string{"lecture\n\n", wrapped}, []bool{false, true}},
		{"what sudo-rs prints after the password", []string{wrapped, "\n"}, []bool{true, false}},
		{"something else", []string{"Password: ", "[sudo] password for ops: "}, []bool{false, false}},
		{"another sudo-rs prompt", []string{"[sudo: authenticate] Password: "}, []bool{false}},
		{"more follows", []string{Prompt + "\nno\n"}, []bool{false}},
		{"a line break follows", []string{Prompt + "\n", wrapped + "\n"}, []bool{false, false}},
		{"more follows the wrapped one", []string{wrapped + "\nno\n"}, []bool{false}},
		{"a shell prints the command", []string{"+ sudo -S -p " + Prompt, " /bin/true\n", wrapped}, []bool{false, false, true}},
		{"a shell prints the command quoted", []string{`sudo '-S' '-p' '` + Prompt + `' '/bin/true'` + "\n"}, []bool{false}},
		{"long noise first", []string{strings.Repeat("x", 3*keptStderr), Prompt}, []bool{false, true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := sudoProcess("x")
			var got []bool
			for _, c := range tt.chunks {
				got = append(got, p.heard([]byte(c)))
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			if len(p.stderr) > keptStderr {
				t.Errorf("kept %d bytes", len(p.stderr))
			}
			p.admitted()
			if p.heard([]byte(Prompt)) || p.heard([]byte(wrapped)) {
				t.Error("answered the agent")
			}
		})
	}
}

// A question is answered once wherever its text is split.
func TestHeardSplit(t *testing.T) {
	for _, question := range []string{Prompt, wrapped, "lecture\n" + wrapped} {
		for at := range len(question) {
			p := sudoProcess("x")
			answers := 0
			for _, c := range []string{question[:at], question[at:]} {
				if p.heard([]byte(c)) {
					answers++
				}
			}
			if answers != 1 {
				t.Errorf("%q cut at %d: answered %d times", question, at, answers)
			}
		}
	}
}

// Other questions and messages with the prompt in them do not get the password,
// wherever their text is split.
func TestRefused(t *testing.T) {
	for _, text := range []string{
		"[sudo: " + Prompt + "] Verification code: ",
		"[sudo: " + Prompt + "] One-time password (OTP): ",
		"[sudo: " + Prompt + "] : ",
		"sudo: unable to parse '" + Prompt + "'\n",
		"sudo: unable to parse `" + Prompt + "'\n",
		"sudo: unable to parse \u2018" + Prompt + "\u2019\n",
		"+ sudo -S -p " + Prompt + " /bin/true\n",
		"Verification code: ",
	} {
		for at := range len(text) {
			p := sudoProcess("x")
			if p.heard([]byte(text[:at])) || p.heard([]byte(text[at:])) {
				t.Errorf("%q cut at %d: answered", text, at)
			}
		}
	}
}

func TestNothingToGive(t *testing.T) {
	p := sudoProcess("")
	if p.heard([]byte(wrapped)) {
		t.Error("answered without a password")
	}
	p = sudoProcess("x")
	p.target.Become = false
	if p.heard([]byte(wrapped)) {
		t.Error("answered without become")
	}
}

// The error does not contain a password that the host prints.
func TestEchoedPassword(t *testing.T) {
	p := sudoProcess("two words.")
	p.heard([]byte(wrapped))
	p.heard([]byte("two words.\r\nsudo: PAM: two  words.\n"))
	if _, got := p.said(); strings.Contains(got, "words") || !strings.Contains(got, "sudo: PAM: (sensitive)") {
		t.Errorf("said %q", got)
	}
}

// Messages of sudo-rs are explained, with a hint.
func TestExplainSudoRS(t *testing.T) {
	tests := []struct {
		name, password, said, want string
	}{
		{"no password", "", "sudo-rs: interactive authentication is required\n", "set become_password"},
		{"no password, later versions", "", "sudo: interactive authentication is required\n", "set become_password"},
		{"not allowed", "", "sudo-rs: I'm sorry ops. I'm afraid I can't do that\n", "sudo -l"},
		{"not allowed, later versions", "", "sudo: Sorry, user ops is not allowed to execute '/bin/x' as root on cp-1.\n", "sudo -l"},
		{"not allowed, with a password", "x", "sudo-rs: I'm sorry ops. I'm afraid I can't do that\n", "sudo -l"},
		{"one try", "x", "\nsudo-rs: Maximum 1 incorrect authentication attempts\n", "put the password of ops"},
		{"one try, later versions", "x", "\nsudo: maximum 1 incorrect authentication attempts\n", "put the password of ops"},
		{"one try of sudo", "x", "\nsudo: 1 incorrect password attempt\n", "put the password of ops"},
		{"its password is the name of sudo", "sudo", "\nsudo: 1 incorrect password attempt\n", "put the password of ops"},
		{"no option -p", "x", "invalid option provided\nusage: sudo -h | -K | -k | -V\n", "sudo-rs to 0.2.5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := sudoProcess(tt.password)
			p.status = errors.New("ended")
			close(p.exited)
			p.heard([]byte(tt.said))
			err := p.explain(context.Background(), io.EOF)
			if !errors.Is(err, ErrSudo) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
