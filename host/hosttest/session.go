package hosttest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

var _ host.Session = (*Session)(nil)

// lock is the host's lock.
type lock struct {
	owner  *Session
	holder host.LockRequest
	freed  chan struct{} // closed when the owner releases the lock
}

// A Session is a session with a host, read-only until it is armed, without an
// agent between.
type Session struct {
	*Host
	armed  bool
	closed bool
}

// NewSession begins a session with the host.
func NewSession(h *Host) *Session {
	s := &Session{}
	s.Host = &Host{machine: h.machine, session: s}
	return s
}

// Lock implements host.Session.
func (s *Session) Lock(ctx context.Context, r host.LockRequest) error {
	wait := time.NewTimer(r.Wait)
	defer wait.Stop()
	for {
		var held *host.LockedError
		var freed chan struct{}
		err := s.read(ctx, "Lock", r.For, func() error {
			if s.lock.owner != nil && s.lock.owner != s {
				held, freed = &host.LockedError{Holder: s.lock.holder}, s.lock.freed
				return nil
			}
			r.Since = s.now()
			s.lock = lock{owner: s, holder: r, freed: make(chan struct{})}
			return nil
		})
		if err != nil || held == nil {
			return err
		}
		select {
		case <-freed:
		case <-wait.C:
			return held
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Arm implements host.Session.
func (s *Session) Arm(ctx context.Context, plan string) error {
	return s.read(ctx, "Arm", plan, func() error {
		if s.lock.owner != s {
			return errors.New("arm: the lock is not held")
		}
		s.armed = true
		return nil
	})
}

// LockHolder implements host.Session.
func (s *Session) LockHolder(ctx context.Context) (*host.LockRequest, error) {
	var holder *host.LockRequest
	err := s.read(ctx, "LockHolder", "", func() error {
		if s.lock.owner != nil {
			r := s.lock.holder
			holder = &r
		}
		return nil
	})
	return holder, err
}

// Identity implements host.Session.
func (s *Session) Identity() host.Identity {
	sum := sha256.Sum256([]byte("host key " + s.name))
	return host.Identity{HostKey: "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:]), Agent: "hosttest"}
}

// Close implements host.Session. It releases the lock.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.lock.owner == s {
		close(s.lock.freed)
		s.lock = lock{}
	}
	return nil
}
