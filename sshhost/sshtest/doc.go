// Package sshtest is a host behind a real SSH server, in this process: what
// sshhost dials in tests. Any host.Host can stand behind it, as a rule one in
// memory, served by agent.Serve. It does what sshd, a shell and sudo do for
// the few command lines that sshhost knows, refuses all else, goes wrong on
// demand, and records what it was sent.
//
//	h := hosttest.New("cp-1")
//	s, err := sshtest.Start(h, sshtest.Config{})
//	defer s.Close()
//	session, err := sshhost.Dial(ctx, s.Target(), s.Options())
package sshtest
