// Package sshhost reaches hosts over SSH: it dials, verifies the host key
// before anything secret is said, logs in, brings the agent if the host lacks
// it, starts it (under sudo where asked for) and hands back a host.Session.
// It owns the SSH connection and what runs on the host before the agent
// speaks; not the calls made to the agent.
//
// Whatever goes wrong up to the agent's first word is an *Error, whose kind
// (ErrUnreachable, ErrHostKey, ErrAuth, ErrSudo, ErrStart) errors.Is tells.
package sshhost
