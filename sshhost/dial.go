package sshhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/crypto/ssh"
)

// A conn is an SSH connection after the login.
type conn struct {
	client *ssh.Client
	key    ssh.PublicKey // the host's public key
	root   net.Conn      // the TCP connection that it and its bastions run on
}

// close cuts the TCP connection, because a full send buffer could hold up a
// graceful end.
func (c *conn) close() { _ = c.root.Close() }

// connect dials a resolved target, through its bastions, until ctx ends.
func connect(ctx context.Context, t Target) (*conn, error) {
	v, err := t.verifier()
	if err != nil {
		return nil, err
	}
	l, err := newLogin(t)
	if err != nil {
		return nil, err
	}
	defer l.close()
	dial, bastion, err := t.dialer(ctx)
	if err != nil {
		return nil, err
	}
	var first error
	for _, algorithms := range v.tries() {
		c, err := tryUntilServed(ctx, func() (*conn, error) {
			return handshake(ctx, t, dial, v, algorithms, l)
		})
		if err == nil {
			if bastion != nil {
				c.root = bastion.root
			}
			return c, nil
		}
		if first == nil || !errors.Is(first, ErrHostKey) {
			first = err
		}
		if !errors.Is(err, ErrHostKey) {
			break
		}
	}
	if bastion != nil {
		bastion.close()
	}
	return nil, first
}

type dialFunc func(context.Context) (net.Conn, error)

func (t Target) dialer(ctx context.Context) (dialFunc, *conn, error) {
	if t.Bastion == nil {
		return func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", t.hostport())
		}, nil, nil
	}
	b, err := connect(ctx, *t.Bastion)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.Host = "bastion " + e.Host + " on the way to " + t.label()
		}
		return nil, nil, err
	}
	return func(ctx context.Context) (net.Conn, error) {
		return b.client.DialContext(ctx, "tcp", t.hostport())
	}, b, nil
}

// errDropped says that the server closed the connection before it showed a
// key. sshd does so with some connections while many others log in
// (MaxStartups).
var errDropped = errors.New("the server hung up before it showed a key")

func tryUntilServed(ctx context.Context, f func() (*conn, error)) (*conn, error) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = 50 * time.Millisecond
	wait.MaxInterval = time.Second
	var last, dropped error
	c, err := backoff.Retry(ctx, func() (*conn, error) {
		c, err := f()
		last = err
		switch {
		case errors.Is(err, errDropped):
			dropped = err
		case err != nil:
			err = backoff.Permanent(err)
		}
		return c, err
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0))
	switch {
	case err == nil:
		return c, nil
	case dropped != nil && errors.Is(last, ErrUnreachable):
		return nil, dropped // more useful than that the last try ran out of time
	}
	return nil, last
}

// progress is how far a handshake has come. The library's callbacks run in
// other goroutines, and again when keys are exchanged anew.
type progress struct {
	sync.Mutex
	key     ssh.PublicKey
	refused error
	login   bool
}

func handshake(ctx context.Context, t Target, dial dialFunc, v verifier, algorithms []string, l *login) (*conn, error) {
	raw, err := dial(ctx)
	if err != nil {
		return nil, t.unreachable(ctx, "connect", err)
	}
	// At the deadline the connection is closed, because setting a deadline on
	// it has no effect through a bastion.
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	var p progress
	safe := ssh.SupportedAlgorithms()
	config := &ssh.ClientConfig{
		Config:            ssh.Config{Ciphers: safe.Ciphers, MACs: safe.MACs, KeyExchanges: safe.KeyExchanges},
		User:              t.User,
		HostKeyAlgorithms: algorithms,
		HostKeyCallback: func(_ string, remote net.Addr, key ssh.PublicKey) error {
			err := v.check(key, remote)
			if e := (*Error)(nil); errors.As(err, &e) {
				e.Offered = ssh.FingerprintSHA256(key)
			}
			p.Lock()
			defer p.Unlock()
			p.key, p.refused = key, err
			return err
		},
		Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
			p.Lock()
			p.login = true
			p.Unlock()
			return l.signers(ctx)
		})},
	}
	c, channels, requests, err := ssh.NewClientConn(raw, t.hostport(), config)
	if err == nil && !stop() {
		err = ctx.Err()
	}
	if err == nil {
		p.Lock()
		defer p.Unlock()
		return &conn{client: ssh.NewClient(c, channels, requests), key: p.key, root: raw}, nil
	}
	_ = raw.Close()
	return nil, p.explain(ctx, t, l, err)
}

// explain returns the kind of error for a failed handshake.
func (p *progress) explain(ctx context.Context, t Target, l *login, err error) error {
	p.Lock()
	defer p.Unlock()
	hungUp := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	var none *ssh.AlgorithmNegotiationError
	switch {
	case p.refused != nil:
		return p.refused
	case ctx.Err() != nil:
		step := "wait for the server's key"
		if p.login {
			step = "log in"
		}
		return t.unreachable(ctx, step, err)
	case errors.As(err, &none):
		kind := ErrUnreachable
		if none.What == "host key" {
			kind = ErrHostKey
		}
		return t.fail(kind, err, "the server offers nothing that is safe; bring its sshd up to date")
	case p.key == nil && hungUp:
		return t.fail(ErrUnreachable, errDropped, "if many others log in there, raise MaxStartups in its sshd_config")
	case p.login && !hungUp:
		return l.refused(unwrapHandshake(err))
	}
	return t.fail(ErrUnreachable, err, "")
}

// unreachable returns an error that names the step which did not succeed in
// time.
func (t Target) unreachable(ctx context.Context, step string, err error) error {
	var late net.Error
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		err = fmt.Errorf("%s: no answer in time", step)
	case cause != nil:
		err = fmt.Errorf("%s: %w", step, cause)
	default:
		err = fmt.Errorf("%s: %w", step, err)
	}
	var refused *ssh.OpenChannelError
	if errors.As(err, &refused) && t.Bastion != nil {
		return t.fail(ErrUnreachable, fmt.Errorf("the bastion %s cannot reach it: %w", t.Bastion.label(), err), "")
	}
	return t.fail(ErrUnreachable, err, "")
}

func unwrapHandshake(err error) error {
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "ssh: handshake failed") {
		return inner
	}
	return err
}

// keepalive requests a sign of life at intervals, and cuts the connection if
// none came for too long. It ends when done is closed.
func (c *conn) keepalive(o Options, done <-chan struct{}) {
	tick := time.NewTicker(o.Keepalive)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		answer := make(chan error, 1)
		go func() {
			_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
			answer <- err
		}()
		late := time.NewTimer(o.Lost)
		select {
		case <-done:
			late.Stop()
			return
		case err := <-answer:
			late.Stop()
			if err == nil {
				continue
			}
		case <-late.C:
		}
		c.close()
		return
	}
}
