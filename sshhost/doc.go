// Package sshhost reaches hosts over SSH. It dials, verifies the host key
// before it sends any secret, logs in, copies the agent to the host if it is
// missing, starts it (with sudo if wanted) and returns a host.Session. It
// owns the SSH connection and all that runs on the host before the agent's
// first line; the calls to the agent are package agent's.
//
// All errors up to the agent's first line are an *Error. errors.Is finds its
// kind: ErrUnreachable, ErrHostKey, ErrAuth, ErrSudo or ErrStart.
package sshhost
