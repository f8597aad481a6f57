package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/event"
	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/spec"
	"github.com/pmkctl/pmkctl/sshhost"
)

// connection is what came of connecting to the hosts of a spec.
type connection struct {
	sessions map[string]host.Session
	failed   map[string]error
	log      *callLog
}

// connect reaches all hosts at once. Those that fail are in the result, not
// an error: the others can still be judged.
func (a *app) connect(ctx context.Context, hosts []*spec.Host, opts sshhost.Options, sink event.Sink) (*connection, error) {
	log, err := a.openLog()
	if err != nil {
		return nil, err
	}
	c := &connection{sessions: map[string]host.Session{}, failed: map[string]error{}, log: log}
	c.reach(ctx, hosts, opts, sink)
	return c, nil
}

// reach connects to more hosts, all at once.
func (c *connection) reach(ctx context.Context, hosts []*spec.Host, opts sshhost.Options, sink event.Sink) {
	sink(event.Phase{Name: "connect", Total: len(hosts)})
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, h := range hosts {
		wg.Go(func() {
			began := time.Now()
			own := opts
			own.Trace = c.log.trace(h.Name)
			s, err := sshhost.Dial(ctx, target(h.Name, h.SSH), own)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				c.failed[h.Name] = err
				sink(event.HostFailed{Host: h.Name, Err: err})
				return
			}
			c.sessions[h.Name] = s
			sink(event.HostReady{Host: h.Name, Took: time.Since(began)})
		})
	}
	wg.Wait()
}

// drop ends the session with one host.
func (c *connection) drop(name string) {
	if s := c.sessions[name]; s != nil {
		_ = s.Close() // the agent leaves anyway when the connection does
		delete(c.sessions, name)
	}
}

// close ends all sessions, at once.
func (c *connection) close() {
	var wg sync.WaitGroup
	for _, s := range c.sessions {
		wg.Go(func() { _ = s.Close() }) // the agent leaves anyway when the connection does
	}
	wg.Wait()
	c.log.close()
}

// each calls do for every connected host at once and joins the errors.
func (c *connection) each(do func(name string, s host.Session) error) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var errs []error
	for name, s := range c.sessions {
		wg.Go(func() {
			if err := do(name, s); err != nil {
				mu.Lock()
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.SortFunc(errs, func(a, b error) int { return compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func compare(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func target(name string, s spec.SSH) sshhost.Target {
	t := sshhost.Target{Name: name, Address: s.Address, Port: s.Port, User: s.User, IdentityFile: s.IdentityFile,
		Agent: s.Agent, HostKey: s.HostKey, Become: s.Become, BecomePassword: s.BecomePassword}
	if s.KnownHosts != "" {
		t.KnownHosts = []string{s.KnownHosts}
	}
	if s.Bastion != nil {
		bastion := target("bastion of "+name, *s.Bastion)
		t.Bastion = &bastion
	}
	return t
}

// who is the operator as locks and journals name them: alice@laptop.
func who() string {
	name, machine := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		machine = h
	}
	return name + "@" + machine
}
