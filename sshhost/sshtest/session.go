package sshtest

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/pmkctl/pmkctl/agent"
	"github.com/pmkctl/pmkctl/sshhost"
)

// channel serves one channel of the connection c.
func (s *Server) channel(c net.Conn, n ssh.NewChannel) {
	switch n.ChannelType() {
	case "session":
		s.session(c, n)
	case "direct-tcpip":
		s.forward(n)
	default:
		_ = n.Reject(ssh.UnknownChannelType, n.ChannelType())
	}
}

// forward forwards a connection, as a bastion does.
func (s *Server) forward(n ssh.NewChannel) {
	var to struct {
		Host       string
		Port       uint32
		From       string
		FromPort32 uint32
	}
	if ssh.Unmarshal(n.ExtraData(), &to) != nil {
		_ = n.Reject(ssh.ConnectionFailed, "cannot read the address")
		return
	}
	peer, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		_ = n.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer peer.Close()
	ch, requests, err := n.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	go ssh.DiscardRequests(requests)
	s.note(func(r *Record) { r.Forwarded++ })
	go func() {
		_, _ = io.Copy(peer, ch)
		_ = peer.Close()
	}()
	_, _ = io.Copy(ch, peer)
}

func (s *Server) session(c net.Conn, n ssh.NewChannel) {
	ch, requests, err := n.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	s.note(func(r *Record) { r.Sessions++ })
	var done sync.WaitGroup
	defer done.Wait()
	defer ch.Close()
	for r := range requests {
		var exec struct{ Command string }
		if r.Type != "exec" || ssh.Unmarshal(r.Payload, &exec) != nil {
			_ = r.Reply(false, nil)
			continue
		}
		_ = r.Reply(true, nil)
		done.Add(1)
		go func() {
			defer done.Done()
			status := s.exec(c, ch, exec.Command)
			_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status)}))
			_ = ch.Close()
		}()
	}
}

var (
	agentCommand  = regexp.MustCompile(`^` + sshhost.Dir + `/([0-9a-f]{64})/pmkctl agent( -read-only| receive)?$`)
	uploadCommand = regexp.MustCompile(sshhost.Dir + `/([0-9a-f]{64});`)
)

// exec does what a login shell does: it runs a command line and returns its
// status.
func (s *Server) exec(c net.Conn, ch ssh.Channel, command string) int {
	s.note(func(r *Record) { r.Commands = append(r.Commands, command) })
	_, _ = io.WriteString(ch, s.config.Motd)
	if s.faults().BlackHole {
		_, _ = io.Copy(io.Discard, ch)
		return 0
	}
	say := func(format string, a ...any) { _, _ = fmt.Fprintf(ch.Stderr(), format, a...) }
	root := s.config.User == "root"
	if rest, ok := strings.CutPrefix(command, "sudo "); ok {
		rest, status := s.sudo(ch, rest, say)
		if status != 0 {
			return status
		}
		command, root = rest, true
	}
	if m := agentCommand.FindStringSubmatch(command); m != nil {
		return s.agent(c, ch, m[1], m[2], say)
	}
	m := uploadCommand.FindStringSubmatch(command)
	if m == nil || command != sshhost.UploadCommand(m[1]) {
		say("sh: 1: %.40s: not found\n", command)
		return 127
	}
	if !root {
		say("mkdir: cannot create directory '/var/lib/pmkctl': Permission denied\n")
		return 1
	}
	return s.upload(ch, m[1], say)
}

// sudo does sudo's part of a command line and returns the rest of it.
func (s *Server) sudo(ch ssh.Channel, args string, say func(string, ...any)) (command string, status int) {
	prompt := ""
	if rest, ok := strings.CutPrefix(args, "-S -p "); ok {
		prompt, command, _ = strings.Cut(rest, " ")
	} else if command, ok = strings.CutPrefix(args, "-n "); !ok {
		say("usage: sudo -h\n")
		return "", 1
	}
	path, _, _ := strings.Cut(command, " ")
	d := s.dialogue()
	switch s.config.Sudo {
	case NoSudo:
		say("sh: 1: sudo: not found\n")
		return "", 127
	case NotAllowed:
		say(d.notAllowed, s.config.User)
		return "", 1
	case WithPassword:
		if !s.authenticate(ch, d, prompt, say) {
			return "", 1
		}
	}
	if m := agentCommand.FindStringSubmatch(command); m != nil && !s.has(m[1]) {
		say(d.missing, path)
		return "", 1
	}
	return command, 0
}

func (s *Server) has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.config.Missing || s.agents[id]
}

func (s *Server) agent(c net.Conn, ch ssh.Channel, id, mode string, say func(string, ...any)) int {
	if !s.has(id) {
		say("bash: line 1: %s: No such file or directory\n", sshhost.AgentPath(id))
		return 127
	}
	o := s.config.Agent
	if o.RunDir == "" {
		o.RunDir = filepath.Join(s.dir, "run")
	}
	if o.StateDir == "" {
		o.StateDir = filepath.Join(s.dir, "state")
	}
	var err error
	switch mode {
	case " receive":
		err = agent.Receive(s.ctx, ch, o.StateDir)
	default:
		o.ReadOnly = o.ReadOnly || mode == " -read-only"
		err = agent.Serve(s.ctx, s.host, &pipe{server: s, conn: c, Channel: ch, frames: newFrames()}, o)
	}
	if err != nil && s.ctx.Err() == nil {
		say("pmkctl agent: %v\n", err)
		return 1
	}
	return 0
}

// upload does what UploadCommand does.
func (s *Server) upload(ch ssh.Channel, id string, say func(string, ...any)) int {
	_, _ = fmt.Fprintf(ch, "pmkctl-upload %s\n", s.config.Machine)
	in := bufio.NewReader(ch)
	want, err := in.ReadString('\n')
	if err != nil {
		return 1
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		say("gzip: stdin: not in gzip format\n")
		return 1
	}
	h := sha256.New()
	if s.faults().UploadBroken {
		h.Write([]byte{0})
	}
	if _, err := io.Copy(h, z); err != nil {
		say("gzip: stdin: unexpected end of file\n")
		return 1
	}
	if hex.EncodeToString(h.Sum(nil)) != strings.TrimSpace(want) {
		say("sha256sum: WARNING: 1 computed checksum did NOT match\n")
		return 1
	}
	s.mu.Lock()
	s.agents[id] = true
	s.record.Uploads++
	s.mu.Unlock()
	_, _ = io.WriteString(ch, "pmkctl-uploaded\n")
	return 0
}
