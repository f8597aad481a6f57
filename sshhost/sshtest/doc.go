// Package sshtest is a host behind a real SSH server in this process, which
// sshhost dials in tests. Any host.Host can be behind it, usually one in
// memory, served by agent.Serve. It does what sshd, a shell and sudo do for
// the few command lines that sshhost sends, refuses all others, has faults on
// demand, and records what it was sent.
//
//	h := hosttest.New("cp-1")
//	s, err := sshtest.Start(h, sshtest.Config{})
//	defer s.Close()
//	session, err := sshhost.Dial(ctx, s.Target(), s.Options())
package sshtest
