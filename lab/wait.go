package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	bootWithin = 90 * time.Second
	sshWithin  = 30 * time.Second
	between    = 100 * time.Millisecond // attempts
)

// A finalError is an error that further attempts cannot change.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

// Final marks an error that waiting cannot change. WaitFor returns it at once.
func Final(err error) error { return finalError{err} }

// WaitFor repeats try until it returns nil. When the time is over, the error
// names the condition and contains the last failure.
func WaitFor(ctx context.Context, within time.Duration, condition string, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var last error
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err // except that of an attempt that the deadline interrupted
		}
		if errors.As(err, &finalError{}) {
			return fmt.Errorf("wait until %s: %w", condition, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w: %w", condition, ctx.Err(), last)
		case <-time.After(between):
		}
	}
}

// waitBooted waits until systemd has started everything and sshd answers. A
// host with a failed unit counts as booted.
func (h Host) waitBooted(ctx context.Context) error {
	err := WaitFor(ctx, bootWithin, h.Name+" has booted", func(ctx context.Context) error {
		state, err := h.Exec(ctx, "systemctl", "is-system-running")
		if s := strings.TrimSpace(state); s == "running" || s == "degraded" {
			return nil
		}
		return errors.Join(fmt.Errorf("systemd says %q", strings.TrimSpace(state)), err)
	})
	if err != nil {
		return err
	}
	return h.waitSSH(ctx)
}

// waitSSH waits until the host's sshd answers at the published port.
func (h Host) waitSSH(ctx context.Context) error {
	at := net.JoinHostPort(h.SSHAddress, strconv.Itoa(h.SSHPort))
	return WaitFor(ctx, sshWithin, "sshd of "+h.Name+" answers at "+at, func(ctx context.Context) error {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", at)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		greeting := make([]byte, 8)
		if _, err := conn.Read(greeting); err != nil {
			return err
		}
		return nil
	})
}
